"""Replaces secrets in any structure, in every string; what is given is never changed.

Cycles, depth and size are bounded. Numbers, booleans, dates stay as they are, also under a secret
key, and so does a value of a type that nobody knows.
"""

from collections import Counter
from typing import Any, Final

import orjson

from pipeline.scrub.keys import REDACTED, is_secret_key
from pipeline.scrub.pairs import clean_pairs
from pipeline.scrub.rules import EVERYTHING, PEM, Plan, Rule

MAX_DEPTH: Final = 100
MAX_NODES: Final = 200_000
_TOO_DEEP: Final = "[nested too deeply]"
_CYCLE: Final = "[cycle]"
_MOST_NAMES: Final = 10_000
_NUMBERS: Final = frozenset({int, float, bool})
# An entry of a dict that is written as a dict of its own: form fields, attributes.
_NAMED: Final = ("name", "key")
_PLAIN_NAMES: Final[set[str]] = set()
# Fields of the contract that hold no secret, whatever their names say.
KEPT_FIELDS: Final = frozenset({"session_id", "event_id"})


class Scrubber:
    """One walk over one event; ``hits`` counts what each rule removed."""

    def __init__(self, plan: Plan = EVERYTHING) -> None:
        self._plan = plan
        # JSON inside a text may spell a key in escapes.
        self._words = (*plan.keys, "\\u00") if plan.keys else ()
        self._open: set[int] = set()
        self._nodes = 0
        self.hits: Counter[str] = Counter()

    def event(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return an event without secrets, the same object if it had none."""
        found = {
            key: self.value(value) if key in KEPT_FIELDS else self.under(key, value)
            for key, value in body.items()
        }
        return found if any(found[key] is not value for key, value in body.items()) else body

    def value(self, value: Any) -> Any:
        """Return a value without secrets, the same object if it had none."""
        if isinstance(value, str):
            return self.text(value)
        if not isinstance(value, dict | list | tuple):
            return value
        self._nodes += len(value) + 1
        if len(self._open) >= MAX_DEPTH or self._nodes > MAX_NODES:
            return _TOO_DEEP
        if id(value) in self._open:
            return _CYCLE
        self._open.add(id(value))
        try:
            return self._dict(value) if isinstance(value, dict) else self._list(value)
        finally:
            self._open.discard(id(value))

    def under(self, key: Any, value: Any) -> Any:
        """Return what stands under a key, without secrets."""
        if not self._plan.keys or not isinstance(key, str) or not is_secret_key(key):
            return self.value(value)
        if not isinstance(value, str | dict | list | tuple | bytes) or not value:
            return value
        if value in (REDACTED, "[Filtered]"):
            return value
        self.hits["key"] += 1
        return REDACTED

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        if len(text) < 4:
            return text
        if self._plan.keys:
            if "-----BEGIN" in text:  # a value ends at a blank, and a private key goes on
                text = self._apply(PEM, text)
            lower = text.lower()
            for word in self._words:
                if word in lower:
                    text = self._keyed(text)
                    break
        for rule in self._plan.values:
            if not rule.letters:
                text = self._apply(rule, text)
                continue
            for letters in rule.letters:
                if letters in text:
                    text = self._apply(rule, text)
                    break
        return text

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """Return a dict, a copy if anything in it changed."""
        changed: dict[Any, Any] = {}
        names: dict[str, str] = {}
        named = self._secret_name(value) if self._plan.keys and "value" in value else None
        for key, item in value.items():
            if item is not None and type(item) not in _NUMBERS:
                clean = self.under(named if named and key == "value" else key, item)
                if clean is not item:
                    changed[key] = clean
            if key not in _PLAIN_NAMES and isinstance(key, str):
                name = self._name(key)
                if name != key:
                    names[key] = name
        if names:
            return {names.get(key, key): changed.get(key, item) for key, item in value.items()}
        return {**value, **changed} if changed else value

    def _secret_name(self, value: dict[Any, Any]) -> str | None:
        """Return the name of a secret that an entry with a field of its own for it has."""
        for field in _NAMED:
            name = value.get(field)
            if isinstance(name, str) and is_secret_key(name):
                return name
        return None

    def _name(self, key: str) -> str:
        """Return a key without secrets; short ones that never hold any are remembered."""
        if len(key) > 64:
            return self.text(key)
        clean = Scrubber().text(key)
        if clean == key:
            if len(_PLAIN_NAMES) >= _MOST_NAMES:
                _PLAIN_NAMES.clear()
            _PLAIN_NAMES.add(key)
        return clean

    def _list(self, value: list[Any] | tuple[Any, ...]) -> Any:
        """Return a list or tuple; a pair of a name and a value is like an entry of a dict."""
        if len(value) == 2 and isinstance(value[0], str):
            found = [self.value(value[0]), self.under(value[0], value[1])]
        else:
            found = [
                self._behind(value[n - 1] if n else None, item) for n, item in enumerate(value)
            ]
        if all(new is old for new, old in zip(found, value, strict=True)):
            return value
        return tuple(found) if isinstance(value, tuple) else found

    def _behind(self, before: Any, item: Any) -> Any:
        """Return an item of a list; a secret stands behind ``--token``, and in a row of headers."""
        if not self._plan.keys or not isinstance(before, str) or "=" in before:
            return self.value(item)
        named = before.startswith("-") or not (isinstance(item, str) and _is_plain(item))
        return self.under(before, item) if named else self.value(item)

    def _keyed(self, text: str) -> str:
        """Return a text without the values of secret keys, be it JSON or a sentence."""
        if text[0] in "{[" and text.rstrip()[-1:] in ("}", "]"):
            try:
                inner = orjson.loads(text)
            except orjson.JSONDecodeError:
                inner = None
            if inner is not None:
                clean = self.value(inner)
                return text if clean is inner else orjson.dumps(clean).decode()
        clean = clean_pairs(text, self._plan.keys)
        if clean != text:
            self.hits["pair"] += 1
            return clean
        return text

    def _apply(self, rule: Rule, text: str) -> str:
        """Return a text without what one rule finds."""
        clean = rule.clean(text)
        if clean == text:
            return text
        self.hits[rule.name] += 1
        return clean


def _is_plain(text: str) -> bool:
    """Tell a word, which may be the next name of a list, from a value."""
    return text.replace("_", "").replace("-", "").isalpha()


def scrub(value: Any) -> Any:
    """Return any value without secrets; the given one is not changed."""
    return Scrubber().value(value)
