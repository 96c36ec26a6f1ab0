"""Java, Kotlin and Scala: ``at a.b.C.m(F.java:n)``, innermost first."""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, cached, clean_function, lines_from, number

_LIBRARY: Final = (
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "org.junit.",
    "junit.",
)
_ENDINGS: Final = (".java", ".kt", ".scala", ".groovy", ".clj", "SourceFile", "<generated>")
_PLACELESS: Final = ("Native Method", "Unknown Source")
_START = re.compile(r"at [^\s(]{1,500}\(")
_FIRST_CAUSE: Final = "\nWrapped by: "  # loggers may tell the root cause first
_OTHER: Final = ("Caused by:", "Suppressed:")


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not Java."""
    frames: list[Frame] = []
    text = _own(text)
    start = _START.search(text)
    for raw in lines_from(text, start.start()) if start else ():
        line = raw.strip()
        if line.startswith("at "):
            frame = _frame(line)
            if frame is not None:
                frames.append(frame)
        elif frames and line.startswith(_OTHER):
            break
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message from the lines above the frames."""
    head = _own(text).split("\tat ", 1)[0].split("\n    at ", 1)[0].strip()
    if head.startswith("Exception in thread "):
        head = head.partition('" ')[2]
    type_, _, message = head.partition(": ")
    return ("", "") if type_.endswith(")") else (type_, message)


def _own(text: str) -> str:
    """Return the part of a text that tells of the raised exception first."""
    at = text.rfind(_FIRST_CAUSE)
    return text if at < 0 else text[at + len(_FIRST_CAUSE) :]


def is_ours(function: str) -> bool:
    """Tell by the package whether code is neither the JVM's nor a language's."""
    return not function.startswith(_LIBRARY)


@cached
def _frame(line: str) -> Frame | None:
    """Return the frame of one line, or None if it is another language's."""
    opened = line.find("(", 3)
    closed = line.find(")", opened)
    if opened < 0 or closed < 0:
        return None
    called, _, hidden = line[3:opened].partition("/0x")  # a lambda's hidden class
    _, dot, method = hidden.partition(".")
    called = called[called.rfind("/") + 1 :] + dot + method
    place, _, digits = line[opened + 1 : closed].partition(":")
    if " " in called or "." not in called:
        return None
    nowhere = place in _PLACELESS or place.startswith("r8-map-id-")
    if not nowhere and not place.endswith(_ENDINGS):
        return None
    path = "" if nowhere else place
    return Frame(clean_function(called), path, number(digits), is_ours(called))
