"""C#, F# and Visual Basic: ``at Ns.T.M(Int32 x) in f:line n``, innermost first.

The .NET Framework translates "at", "in" and "line"; Mono writes ``at M (T x) [0x..] in f:n``.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, lines_from, number

_FRAME = re.compile(
    r"^[ \t]{0,8}(?:at|bei|à|en|in|em|w|v|в|ved|vid|bij|場所|在|위치:|konum:) "
    r"([^\s()]{1,400})(?:\([^()\n]{0,1000}\)| ?\([^()\n]{0,1000}\) \[0x[0-9a-f]{1,16}\])"
    r"(?: [^\s()]{1,8} ([^\n]{1,400}?):(?:[^\s:\d]{1,12} )?(\d{1,9})\.?)?[ \t\r]{0,4}$",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"\([^()<:\n]{0,1000}\)(?:\s|$)")  # V8 and the JVM have none
_INNER_END = re.compile(
    r"^[ \t]{0,8}--- [^\n]{0,100}(?:inner|intern|内部|внутренн)[^\n]{0,100} ---", re.MULTILINE
)
# An aggregate repeats its members behind its own stack.
_MEMBER = re.compile(r"^[ \t]{0,8}---> \([^()\n]{1,40}#\d{1,6}\)", re.MULTILINE)
_CUT = re.compile(r"[^\n]{0,400}\) in [^\n]{1,400}:line \d{1,9}\r?\n")  # the end of a frame
_UNHANDLED = re.compile(r"Unhandled [Ee]xception[.:]\s{1,4}")
_CAUSE = re.compile(r"\s{1,4}---> ")
# What the compiler makes of closures, local functions, iterators and asynchronous methods.
_GENERATED: Final = (
    (re.compile(r"<Main>\$"), "Main"),
    (re.compile(r"<>c(?:__DisplayClass[\d_]{1,20})?(?:`\d{1,3})?\."), ""),
    (re.compile(r"<{1,2}([\w.]{1,200})>b__[\d_]{1,20}>?"), r"\1.lambda"),
    (re.compile(r"<{1,2}([\w.]{1,200})>g__(\w{1,200})\|[\d_]{1,20}>?"), r"\1.\2"),
    (re.compile(r"<([\w.]{1,200})>d__\d{1,9}"), r"\1"),
    (re.compile(r"(?<=lambda)d(?=\.)|(?<=\w)d\.MoveNext$|\.MoveNext$"), ""),
    (re.compile(r"<([\w.]{1,200})>"), r"\1"),
    (re.compile(r"\[[^\[\]]{0,300}\]|`\d{1,3}|@\d{1,9}"), ""),
)
_LIBRARY: Final = ("System.", "Microsoft.", "lambda_method", "dynamicClass.")


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not C#."""
    start = _FRAME.search(text) if _SIGNATURE.search(text) else None
    if start is None:
        return []
    member = _MEMBER.search(text, start.end())
    own = text[: member.start()] if member else text
    at = max((found.end() for found in _INNER_END.finditer(own)), default=start.start())
    return _frames(own, at) or _frames(own, start.start())


def headline(text: str) -> tuple[str, str]:
    """Return type and message of the raised exception, which stands before its causes."""
    start = _FRAME.search(text)
    head = _CAUSE.split(text[: start.start()] if start else text[:1000], maxsplit=1)[0].strip()
    if _CUT.match(text):
        return "", ""
    unhandled = _UNHANDLED.match(head)
    type_, _, message = head[unhandled.end() if unhandled else 0 :].partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return a method's name as it was written, without what the compiler made of it."""
    name = raw[:400]
    if "<" in name or "[" in name or "`" in name or "@" in name:
        for generated, plain in _GENERATED:
            name = generated.sub(plain, name)
    return clean_function(name.replace("..", "."))


def is_ours(function: str) -> bool:
    """Tell code of an application from that of the framework by its namespace."""
    return not function.startswith(_LIBRARY)


def _frames(text: str, at: int) -> list[Frame]:
    """Return the frames from a place on."""
    frames: list[Frame] = []
    for line in lines_from(text, at):
        found = _FRAME.match(line)
        if found is not None and "." in found[1]:
            function = clean(found[1])
            path = "" if (found[2] or "<")[0] == "<" else found[2]
            frames.append(Frame(function, path, number(found[3] or ""), is_ours(function)))
    return frames
