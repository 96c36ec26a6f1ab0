"""Stacks that came as lists of frames: Sentry's (oldest call first) and structlog's."""

from collections.abc import Iterable
from typing import Any, Final

from pipeline.process.stacks import java, javascript
from pipeline.process.stacks.frame import Frame, clean_function, is_library
from pipeline.process.values import text

_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte")
_MOST: Final = 250


def frames_of(values: Any, platform: str) -> list[Frame]:
    """Return the frames, innermost first, at most 250 from that end."""
    if not isinstance(values, list):
        return []
    newest = reversed(values[-_MOST:])
    return [_frame(value, platform) for value in newest if isinstance(value, dict)]


def render(frames: Iterable[Frame]) -> str:
    """Return frames as text, innermost first."""
    return "\n".join(
        f"{frame.function or '?'} ({frame.path}:{frame.line})" if frame.path else frame.function
        for frame in frames
    )


def _frame(value: dict[str, Any], platform: str) -> Frame:
    """Return one frame; a flag may only exclude what the path would include."""
    path = text(value.get("filename") or value.get("abs_path"), 500)
    name = text(value.get("function") or value.get("name"))
    module = text(value.get("module"))
    line = value.get("lineno")
    ours = value.get("in_app") is not False
    if ours:
        ours = not is_library(path) and not is_library(text(value.get("abs_path"), 500))
    if platform == "java":
        name = f"{module}.{name}" if module else name
        ours = ours and java.is_ours(name)
        function = clean_function(name)
    elif platform in {"javascript", "node"} or path.endswith(_SCRIPTS):
        function = javascript.clean(name)
    else:
        function = clean_function(name)
    return Frame(function, path or module, line if isinstance(line, int) else 0, ours)
