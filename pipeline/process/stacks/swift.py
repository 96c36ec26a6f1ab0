"""Swift: ``n [ra] 0x.. fn(_:) + n in image at f:l:c`` and Apple's reports, innermost first.

Only the thread that crashed counts. Where no file is told, as in Apple's reports, the image stands
for it.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, lines_from, number, without

_CRASHED = re.compile(r"^Thread \d{1,6}[^\n]{0,200} ?[Cc]rashed:[^\n]{0,200}\n", re.MULTILINE)
_FRAME = re.compile(
    r"^[ \t]{0,8}(\d{1,6})[ \t]{1,40}"
    r"((?:\[\w{1,12}\][ \t]{1,40}){0,4}|[^\s\[#][^\n\t]{0,200}?[ \t]{1,60})"
    r"0x[0-9a-f]{1,16} ([^\n]{1,2000})",
    re.MULTILINE,
)
_IN_IMAGE = re.compile(r" \+ \d{1,12} in ")
_OFFSET = re.compile(r" \+ \d{1,12}(?= \(|\s{0,4}$)")
_PLACE = re.compile(r"(.{1,500}?)(?::(\d{1,9}))?(?::\d{1,9})?\s{0,4}$")
_OTHERS: Final = ("Thread ", "Registers", "Images ", "Binary Images", "Crashed Thread")
_FATAL = re.compile(
    r"(Fatal error|Precondition failed|Assertion failed)(?:: ([^\n]{0,4000})|$)", re.MULTILINE
)
_CRASH = re.compile(
    r"(?:Program crashed: ([^\n]{0,200}?)(?: at 0x[0-9a-f]{1,16})?"
    r"|^Exception Type:[ \t]{1,20}(\w{1,60})[^\n]{0,200})(?: \*{3})?\s{0,4}$",
    re.MULTILINE,
)
_PREFIX = re.compile(
    r"static |specialized |implicit |merged |outlined |@objc |dispatch thunk of |partial apply "
    r"(?:forwarder )?for |reabstraction thunk (?:helper )?|generic specialization "
    r"|\(\d{1,9}\) (?:await|suspend) resume partial function for "
)
_CLOSURE = re.compile(r"closure #\d{1,9}[^\n]{0,200}? in ")
_LENGTH = re.compile(r"[1-9]\d{0,2}")
_LIBRARY: Final = (
    *("libswift", "libsystem", "libdyld", "dyld", "libobjc", "libc.", "libc++", "libdispatch"),
    *("libpthread", "libFoundation", "ld-linux", "CoreFoundation", "Foundation", "UIKit"),
    *("AppKit", "GraphicsServices", "SwiftUI", "QuartzCore", "CFNetwork", "Security"),
)
_RUNTIME: Final = ("_assertionFailure", "_swift", "swift_", "__", "_start", "Swift runtime")


def parse(text: str) -> list[Frame]:
    """Return the frames of the thread that crashed, innermost first; none if it is not Swift."""
    if " + " not in text or "0x" not in text:
        return []
    crashed = _CRASHED.search(text)
    start = _FRAME.search(text, crashed.end() if crashed else 0)
    frames: list[Frame] = []
    last = -1
    for line in lines_from(text, start.start()) if start else ():
        found = _FRAME.match(line)
        if found is None:
            if line.startswith(_OTHERS):
                break
            continue  # the source beside a frame
        if int(found[1]) <= last:
            break
        last = int(found[1])
        image = found[2].strip()
        own = not image or image[0] == "["
        frame = _own(found[3]) if own else _apple(image, found[3])
        if frame is not None and "[system]" in image:
            frame = frame._replace(in_app=False)
        if frame is not None:
            frames.append(frame)
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return what the program said before it stopped, else the signal that stopped it."""
    start = _FRAME.search(text)
    head = text[: start.start()] if start else text[:1000]
    fatal, crash = _FATAL.search(head), _CRASH.search(head)
    if fatal is not None:
        return fatal[1].title().replace(" ", ""), (fatal[2] or "").partition(": file ")[0].strip()
    if crash is not None:
        said = (crash[1] or crash[2]).partition(": ")
        return said[0].title().replace(" ", "") if crash[1] else said[0], said[2]
    if start is None or start[1] != "0" or start.start() == 0:
        return "", ""
    type_, _, message = head.strip().partition("\n")[0].partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return a function's name without labels, types and what the compiler made of it."""
    name = _demangled(raw[:1000].strip())
    for _ in range(6):
        found = _PREFIX.match(name)
        if found is None:
            break
        name = name[found.end() :]
    name = _CLOSURE.sub("closure in ", name)
    name = name.partition(" -> ")[0].partition(" : ")[0]
    if " infix" not in name and " prefix" not in name:
        name = without(name, "<", ">")
    return clean_function(without(name, "(", ")"))


def is_ours(function: str, image: str) -> bool:
    """Tell code of an application from that of Swift's runtime and of the system."""
    return not function.startswith(_RUNTIME) and not image.startswith(_LIBRARY)


def _own(call: str) -> Frame | None:
    """Return the frame that the runtime printed: function, image and mostly a file."""
    found = _IN_IMAGE.search(call)
    if found is not None:
        raw, tail = call[: found.start()], call[found.end() :]
    else:  # inlined
        at = call.find(" at /")
        left = call if at < 0 else call[:at]
        raw, sign, image = left.rpartition(" in ")
        if not sign:
            return None
        tail = image + call[len(left) :]
    image, _, place = tail.strip().partition(" at ")
    file = _PLACE.match(place)
    function = clean(raw)
    if "<compiler-generated>" in place:
        return Frame(function, image, 0, in_app=False)
    if file is None:
        return Frame(function, image, 0, is_ours(function, image))
    return Frame(function, file[1], number(file[2] or ""), is_ours(function, image))


def _apple(image: str, call: str) -> Frame | None:
    """Return the frame of a report of Apple's, which has a file for code with symbols only."""
    offset = _OFFSET.search(call)
    if offset is None:
        return None
    file = _PLACE.match(call[offset.end() :].strip(" ()\r"))
    function = clean(call[: offset.start()])
    path, line = (file[1], number(file[2] or "")) if file else (image.rpartition("/")[2], 0)
    return Frame(function, path, line, is_ours(function, image.rpartition("/")[2]))


def _demangled(name: str) -> str:
    """Return type and function of a mangled name; names with substituted words stay as they are."""
    if not name.startswith(("$s", "$S", "_$s")):
        return name
    parts: list[str] = []
    at = name.index("$") + 2
    while (found := _LENGTH.match(name, at)) is not None:
        at = found.end() + int(found[0])
        parts.append(name[found.end() : at])
        kind = name[at : at + 1]
        if len(parts) > 1 and kind not in {"V", "C", "O", "P"}:
            break
        at += len(parts) > 1
    return ".".join(parts[1:]) or name
