"""Python's tracebacks: ``File "f", line n, in fn``, innermost last."""

from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, is_library

MARK: Final = '", line '
_HEADER: Final = "Traceback (most recent call last)"
_MEMBER: Final = "+---------------- "
_INDENT: Final = 80  # exception groups indent by two columns a level
_MOST: Final = 200


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not Python."""
    if MARK not in text:
        return []
    if _MEMBER in text:
        return _parse_group(text)
    return _frames(text[max(text.rfind(_HEADER), 0) :])


def headline(text: str) -> tuple[str, str]:
    """Return type and message of the raised exception, from the lines behind its frames."""
    block = text[max(text.rfind(_HEADER), 0) :]
    if _MEMBER in text:
        block = text[: text.find(_MEMBER)]
    behind = block.rfind(MARK)
    kept: list[str] = []
    for line in block[max(behind, 0) :].split("\n")[1:]:
        bare = line.lstrip(" |") if _MEMBER in text else line
        if kept or ((bare and not line.startswith("  ")) or (bare and "|" in line[:4])):
            kept.append(bare)
    type_, _, message = "\n".join(kept).strip().partition(": ")
    return type_, message


def _parse_group(text: str) -> list[Frame]:
    """Return the frames of an exception group: of a member if all are alike, else its own."""
    own, *members = text.split(_MEMBER)
    blocks = [_frames(member[max(member.rfind(_HEADER), 0) :]) for member in members]
    blocks = [block for block in blocks if block]
    if blocks and all(_calls(block) == _calls(blocks[0]) for block in blocks):
        return blocks[0]
    return _frames(own[max(own.rfind(_HEADER), 0) :])


def _calls(frames: list[Frame]) -> list[str]:
    """Return the functions called."""
    return [frame.function for frame in frames]


def _frames(block: str) -> list[Frame]:
    """Read frames from the end of a block, each found by its literal parts."""
    frames: list[Frame] = []
    end = len(block)
    while len(frames) < _MOST:
        start = block.rfind('File "', 0, end)
        if start < 0:
            return frames
        line_end = block.find("\n", start, end)
        frame = _frame(block, start, end if line_end < 0 else line_end)
        if frame is not None:
            frames.append(frame)
        end = start
    return frames


def _frame(block: str, start: int, end: int) -> Frame | None:
    """Return the frame of one line, or None if the words stand in source code or a message."""
    quote = block.find(MARK, start, end)
    name = block.find(", in ", quote, end)
    line_start = block.rfind("\n", max(start - _INDENT, 0), start) + 1
    if quote < 0 or name < 0 or block[line_start:start].strip(" |\t"):
        return None
    path = block[start + 6 : quote]
    digits = block[quote + 8 : name]
    line = int(digits) if digits.isdecimal() and len(digits) < 9 else 0
    function = clean_function(block[name + 5 : end].strip())
    return Frame(function, path, line, not is_library(path))
