"""PHP: ``#n f(l): C->m()``, innermost first.

File and line are the caller's: a function stands in the file of the entry before it, the innermost
in the file that the header names.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, lines_from, number

_START = re.compile(
    r"^#(\d{1,6}) (?:\{main\}|\[internal function\]: |[^\n]{1,500}\(\d)", re.MULTILINE
)
_ENTRY = re.compile(
    r"#\d{1,6} (?:(\{main\})|(?:\[internal function\]|(.{1,500}?)\((\d{1,9})\)): (.{1,2000}))"
)
_PLACE = re.compile(
    r" (?:in|at) ((?:(?! in | at )[^\n]){1,500}):(\d{1,9})\)?\s{0,4}$", re.MULTILINE
)
_HEADER: Final = 2000  # letters before the calls in which their place is told
_THROWN = re.compile(r"^ {1,4}thrown in ([^\n]{1,500}) on line (\d{1,9})", re.MULTILINE)
_NEXT: Final = "\nNext "  # the exception that this one caused
_PREVIOUS: Final = "[previous exception]"  # a logger tells the causes last
_RAISED = re.compile(
    r"(?:[^\n]{0,200}\[object\] \()?(?:PHP )?(?:Fatal error: {1,4})?(?:Uncaught )?(?:Next )?"
    r"(\\?[A-Za-z_][\w\\]{0,200})(?:@anonymous[^:\n]{0,500})?(?:\(code: \w{1,20}\))?: (.{0,9000})",
    re.DOTALL,
)
_CLOSURE = re.compile(r"[\w\\]{0,200}\{closure[^{}]{0,500}\}")
_ANONYMOUS = re.compile(r"@anonymous.{0,500}?(?=->|::)")
# What templates and containers are compiled to.
_GENERATED = re.compile(r"(?<=__TwigTemplate_)[0-9a-f]{16,64}|(?<=^Container)\w{7}(?=\\)")
_LIBRARY: Final = ("/vendor/", "\\vendor\\")


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not PHP."""
    if ".php" not in text and "{main}" not in text:
        return []
    block, start = _block(text)
    if start < 0:
        return []
    frames: list[Frame] = []
    path, line = _place(block, start)
    for raw in lines_from(block, start):
        entry = _ENTRY.match(raw)
        if entry is None:
            if frames:
                break
            continue
        function = clean(entry[1] or entry[4])
        # Without a file a function is the language's own, but the first one's may be cut off.
        ours = is_ours(path) if path else not frames
        frames.append(Frame(function, path, line, ours))
        path, line = entry[2] or "", number(entry[3] or "")
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message of the exception that was raised, the last of a chain."""
    block, start = _block(text)
    head = block[: start if start >= 0 else 1000].strip()
    places = list(_PLACE.finditer(head, max(len(head) - _HEADER, 0)))
    if places:
        head = head[: places[-1].start()]
    raised = _RAISED.match(head)
    if raised is None or (start >= 0 and not block.startswith("#0 ", start)):
        return "", ""
    return raised[1].lstrip("\\"), raised[2].strip()


def clean(raw: str) -> str:
    """Return a function's name without arguments, and closures without their place."""
    call = raw[:1000].replace("\0", "")
    if "{closure" in call:
        call = _CLOSURE.sub("{closure}", call)
    if "@anonymous" in call:
        call = _ANONYMOUS.sub("@anonymous", call)
    name = _GENERATED.sub("", call.partition("(")[0])
    return clean_function(name.replace("->", "::"))


def is_ours(path: str) -> bool:
    """Tell code of an application from that of installed packages."""
    return not any(mark in path for mark in _LIBRARY)


def _block(text: str) -> tuple[str, int]:
    """Return the part of a text that tells of the raised exception, and where its calls begin."""
    own = text.partition(_PREVIOUS)[0]
    block = own[own.rfind(_NEXT) + 1 :]
    start = _START.search(block)
    if start is None:
        block = own
        start = _START.search(block)
    return block, start.start() if start else -1


def _place(block: str, start: int) -> tuple[str, int]:
    """Return where the exception was made: the header says it, or the line behind the calls."""
    if not block.startswith("#0 ", start):
        return "", 0  # the head was cut off
    places = list(_PLACE.finditer(block, max(start - _HEADER, 0), start))
    found = places[-1] if places else _THROWN.search(block, start)
    return (found[1], number(found[2])) if found else ("", 0)
