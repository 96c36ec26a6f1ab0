"""Ruby: ``f:n:in 'C#m'``, before 3.4 with a backtick and without a class, innermost first.

Under "Traceback", which terminals showed from 2.5 to 2.7, the innermost comes last.
"""

import re
from typing import Final, NamedTuple

from pipeline.process.stacks.frame import (
    MOST_LINES,
    Frame,
    clean_function,
    lines_from,
    number,
)

_CALL = re.compile(r":(\d{1,9}):in ['`]")
_EVALUATED = re.compile(r"\(eval at (.{1,500}):\d{1,9}\)$")
_REVERSED: Final = "Traceback (most recent call last):"
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,12}m")
_FROM = re.compile(r"\s{0,8}(?:\d{1,6}: )?from ")
_INSIDE = re.compile(r"(?:(?:block(?: \(\d{1,9} levels\))?|rescue|ensure) in ){1,9}")
_RAISED = re.compile(r"(.{0,8000}?) ?\(([A-Z][\w:]{0,200})\)$", re.MULTILINE)
_RAILS = re.compile(r"([A-Z][\w:]{0,200}) \((.{0,8000})\):?$", re.MULTILINE)
_LIBRARY: Final = ("/gems/", "<internal:", "/lib/ruby/", "/bundler/", "/rubygems/")


class _Call(NamedTuple):
    """A line of a backtrace; the first has no ``from`` and a message."""

    frame: Frame
    is_from: bool
    rest: str


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not Ruby."""
    return [call.frame for call in _calls(text)]


def headline(text: str) -> tuple[str, str]:
    """Return type and message, which stand behind the innermost call or before all of them."""
    plain = _COLOURS.sub("", text)
    calls = _calls(plain)
    if calls and calls[0].rest:
        at = plain.find(calls[0].rest)
        raised = _RAISED.match(plain, at + 2)
        if raised is not None:
            return raised[2], _whole_message(plain, raised.end(), raised[1])
        return "", calls[0].rest[2:]
    if calls and calls[0].is_from:
        return "", ""  # the head was cut off
    start = _CALL.search(plain)
    head = plain[: plain.rfind("\n", 0, start.start()) + 1 if start else 1000].strip()
    rails, raised = _RAILS.match(head), _RAISED.match(head)
    if rails is not None:
        return rails[1], rails[2]
    if raised is not None:
        return raised[2], raised[1]
    type_, _, message = head.partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return a method's name, the same before and since 3.4, for a block of it as well."""
    name = _INSIDE.sub("", raw[:300])
    if not name.startswith("<"):
        name = name[name.rfind("#") + 1 :]
        name = name[name.rfind(".") + 1 :]
    return clean_function(name)


def is_ours(path: str) -> bool:
    """Tell code of an application from Ruby's own and that of gems."""
    return not any(mark in path for mark in _LIBRARY)


def _calls(text: str) -> list[_Call]:
    """Return the calls of the raised exception, innermost first."""
    if ":in '" not in text and ":in `" not in text:
        return []
    start = _CALL.search(text)
    if start is None:
        return []
    if _REVERSED in text[: start.start()]:
        lines = text.rstrip().rsplit("\n", MOST_LINES)[-MOST_LINES:][::-1]
    else:
        lines = lines_from(text, start.start())
    calls: list[_Call] = []
    for line in lines:
        call = _call(_COLOURS.sub("", line) if "\x1b" in line else line)
        if call is None:
            continue
        if calls and calls[-1].is_from and not call.is_from and call.rest:
            break  # the cause's first call
        calls.append(call)
    return calls


def _call(line: str) -> _Call | None:
    """Return the call in a line, or None if it is another language's."""
    found = _CALL.search(line)
    closed = line.find("'", found.end()) if found else -1
    if found is None or closed < 0:
        return None
    led = _FROM.match(line)
    path = line[led.end() if led else 0 : found.start()].strip()
    evaluated = _EVALUATED.match(path)
    if evaluated is not None:
        path = evaluated[1]
    if not path or (" " in path and not path.startswith("(")):
        return None
    frame = Frame(clean(line[found.end() : closed]), path, number(found[1]), is_ours(path))
    rest = line[closed + 1 :].rstrip()
    return _Call(frame, led is not None, rest if rest.startswith(": ") else "")


def _whole_message(text: str, at: int, first: str) -> str:
    """Return a message with the lines that stand between its first one and the next call."""
    more = []
    for line in lines_from(text, at)[1:]:
        if _CALL.search(line) or _FROM.match(line):
            break
        more.append(line.strip())
    return "\n".join([first, *more]).strip()
