"""What a row keeps of free mappings: 50 pairs and 8 KiB of each, ``extra`` seven levels deep.

The small pairs are kept first, since one big one says less than all others together;
``_dropped`` names what did not fit.
"""

from typing import Any, Final

from pipeline.process.values import dumps

Mapping = dict[str, Any]

MAX_CONTEXTS: Final = 64 * 1024
_MAX_MAPPING: Final = 8 * 1024
_MOST_PAIRS: Final = 50
_MOST_LEVELS: Final = 7
_BOUNDED: Final = ("user", "request", "_meta")


def stored(contexts: Mapping, rest: Mapping) -> str:
    """Return contexts and the fields without a column as JSON text, within the limits."""
    extra = rest.get("extra")
    if isinstance(extra, dict | list) and _is_deep(extra, _MOST_LEVELS):
        rest = {**rest, "extra": _cut(extra, _MOST_LEVELS)}
    whole = {**contexts, **rest}
    if not whole:
        return ""
    found = dumps(whole)
    if len(found) <= _MAX_MAPPING and found.count('":') <= _MOST_PAIRS:
        return found
    dropped: list[str] = []
    kept = dict(rest)
    for name in _BOUNDED:
        if isinstance(rest.get(name), dict):
            kept[name] = _fitted(rest[name], _MAX_MAPPING, _MOST_PAIRS, dropped, f"{name}.")
    whole = {**_fitted(contexts, _MAX_MAPPING, _MOST_PAIRS, dropped), **kept}
    whole = _fitted(whole, MAX_CONTEXTS, len(whole), dropped)
    return dumps({**whole, "_dropped": dropped[:_MOST_PAIRS]} if dropped else whole)


def _fitted(
    mapping: Mapping, most_bytes: int, most_pairs: int, dropped: list[str], prefix: str = ""
) -> Mapping:
    """Return the pairs that have room, in their order; the names of others go to ``dropped``."""
    sizes = {key: len(key) + len(dumps(value)) + 4 for key, value in mapping.items()}
    if sum(sizes.values()) <= most_bytes and len(sizes) <= most_pairs:
        return mapping
    kept: set[str] = set()
    room = most_bytes
    for key in sorted(sizes, key=lambda key: sizes[key]):
        room -= sizes[key]
        if room >= 0 and len(kept) < most_pairs:
            kept.add(key)
        else:
            dropped.append(prefix + key[:200])
    return {key: value for key, value in mapping.items() if key in kept}


def _is_deep(value: Any, levels: int) -> bool:
    """Tell whether containers are nested in more levels than these."""
    inner = value.values() if isinstance(value, dict) else value
    return any(
        levels <= 1 or _is_deep(item, levels - 1) for item in inner if isinstance(item, dict | list)
    )


def _cut(value: Any, levels: int) -> Any:
    """Return a value with what is nested too deeply replaced."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return "[nested too deeply]"
    if isinstance(value, list):
        return [_cut(item, levels - 1) for item in value]
    return {key: _cut(item, levels - 1) for key, item in value.items()}
