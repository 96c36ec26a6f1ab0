"""What is cut first when an event is too big, so that its error still arrives."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from pipeline.model.lenient import mend

KEPT_BREADCRUMBS = 20
KEPT_FRAMES = 25  # at each end of a stack
KEPT_CHARS = 8192  # of any text, when nothing else helped

Event = dict[str, Any]


class TooBig(Exception):
    """The event exceeds the limit even after everything that may be cut was cut."""

    def __init__(self, body: bytes, limit: int) -> None:
        super().__init__(f"the event has {len(body)} bytes after cutting, {limit} are allowed")
        self.body = body


def encode(event: Event) -> bytes:
    """Return the event as JSON, mended where it holds what JSON cannot."""
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        return orjson.dumps(mend(event))


def fit(event: Event, limit: int) -> bytes:
    """Return the event as JSON of at most ``limit`` bytes; raises TooBig.

    Cuts in a fixed order, and only as far as needed; ``source.dropped`` names what went.
    """
    body = encode(event)
    for name, cut in _CUTS:
        if len(body) <= limit:
            return body
        if cut(event):
            source = event.get("source")
            if isinstance(source, dict):
                source.setdefault("dropped", []).append(name)
            body = encode(event)
    if len(body) > limit:
        raise TooBig(body, limit)
    return body


def _stacks(event: Event) -> Iterator[dict[str, Any]]:
    """Yield every object that holds a list of frames, wherever an event may have one."""
    holders: list[Any] = [event]
    for name in ("exception", "threads"):
        values = event.get(name)
        values = values.get("values", [values]) if isinstance(values, dict) else values
        holders.extend(values if isinstance(values, list) else [])
    for holder in holders:
        stack = holder.get("stacktrace") if isinstance(holder, dict) else None
        if isinstance(stack, dict) and isinstance(stack.get("frames"), list):
            yield stack


def _cut_frame_keys(*names: str) -> Callable[[Event], bool]:
    """Return a cut that takes these keys out of every frame."""

    def cut(event: Event) -> bool:
        """Take the keys out; say whether there were any."""
        found = False
        for stack in _stacks(event):
            for frame in stack["frames"]:
                for name in names:
                    found |= isinstance(frame, dict) and frame.pop(name, None) is not None
        return found

    return cut


def _cut_key(name: str) -> Callable[[Event], bool]:
    """Return a cut that takes this key out of the event."""
    return lambda event: event.pop(name, None) is not None


def _cut_breadcrumbs(event: Event) -> bool:
    """Keep the last breadcrumbs."""
    crumbs = event.get("breadcrumbs")
    values = crumbs.get("values") if isinstance(crumbs, dict) else crumbs
    if not isinstance(values, list) or len(values) <= KEPT_BREADCRUMBS:
        return False
    del values[:-KEPT_BREADCRUMBS]
    return True


def _cut_frames(event: Event) -> bool:
    """Keep the first and the last frames of each stack."""
    found = False
    for stack in _stacks(event):
        frames = stack["frames"]
        if len(frames) > 2 * KEPT_FRAMES:
            del frames[KEPT_FRAMES:-KEPT_FRAMES]
            found = True
    return found


def _cut_texts(event: Event) -> bool:
    """Shorten every long text, however deep it stands."""
    found = False
    waiting: list[Any] = [event]
    while waiting:
        holder = waiting.pop()
        for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(value, str) and len(value) > KEPT_CHARS:
                holder[key] = value[:KEPT_CHARS] + "…"
                found = True
            elif isinstance(value, dict | list):
                waiting.append(value)
    return found


_CUTS: tuple[tuple[str, Callable[[Event], bool]], ...] = (
    ("frames.vars", _cut_frame_keys("vars")),
    ("frames.context", _cut_frame_keys("pre_context", "post_context")),
    ("modules", _cut_key("modules")),
    ("breadcrumbs", _cut_breadcrumbs),
    ("frames", _cut_frames),
    ("extra", _cut_key("extra")),
    ("texts", _cut_texts),
)
