"""What the embedded server refuses by the text of a query, and how errors map to HTTP. Pure."""

import re

# Not closed by any grant or by readonly: they reach the server's own file system or interpreter.
_REFUSED = (
    (re.compile(r"\bOUTFILE\b", re.IGNORECASE), "INTO OUTFILE"),
    (re.compile(r"\bINFILE\b", re.IGNORECASE), "FROM INFILE"),
    (re.compile(r"\bpython\W*\(", re.IGNORECASE), "python()"),
)
_KILL = re.compile(r"\bKILL\s+(QUERY|MUTATION)\b", re.IGNORECASE)
_NOISE = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|\#![^\n]*|/\*.*?\*/""",
    re.DOTALL,
)
# Literals that the engine knows and _NOISE does not: $x$…$x$ and curly quotes. One of them with a
# quote inside would hide what follows, so beside them the words are refused wherever they stand.
_FOREIGN_QUOTES = re.compile("[$\u2018\u2019\u201c\u201d]")
_SECOND = re.compile(r";\s*[^\s;]")
_SETTING = re.compile(r"[A-Za-z_]\w*")
_CODE = re.compile(r"Code: (\d+)\.")
_STATUS = {
    **dict.fromkeys((497, 164), 403),
    516: 401,
    **dict.fromkeys((60, 81), 404),
    159: 408,
    **dict.fromkeys((202, 252), 503),
}


class Refused(Exception):
    """A query or a setting that is not run; ``code`` is ClickHouse's number for it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")


def check(query: str, *, is_reader: bool) -> None:
    """Raise Refused for what no grant closes; literals and comments do not count."""
    text = query if _FOREIGN_QUOTES.search(query) else _NOISE.sub(_blanked, query)
    if _SECOND.search(_NOISE.sub(_blanked, query)):
        raise Refused(62, "Multi-statements are not allowed. (SYNTAX_ERROR)")
    for pattern, name in _REFUSED:
        if pattern.search(text):
            raise Refused(497, f"{name} is not available on this server. (ACCESS_DENIED)")
    if is_reader and _KILL.search(text):
        raise Refused(497, "KILL is not available to readers. (ACCESS_DENIED)")


def _blanked(noise: re.Match[str]) -> str:
    """Return what stands for a literal or a comment: a comment separates words like a blank.

    A quoted name that is one word counts as the word: `python`(x) is a call, too.
    """
    first, inner = noise[0][0], noise[0][1:-1]
    if first in '"`' and inner.isidentifier():
        return inner
    return "''" if first in "'\"`" else " "


def quoted(value: str) -> str:
    """Return a string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def setting(name: str, value: str) -> str:
    """Return the statement that sets one setting; raises Refused for a name that is none."""
    if not _SETTING.fullmatch(name):
        raise Refused(115, f"Unknown setting {name!r}. (UNKNOWN_SETTING)")
    return f"SET {name} = {quoted(value)}"


def code_of(text: str) -> int:
    """Return the number of the exception in a message, 1002 if it names none."""
    match = _CODE.search(text)
    return int(match[1]) if match else 1002


def status_of(code: int) -> int:
    """Return the HTTP status for an exception's number."""
    if code in _STATUS:
        return _STATUS[code]
    return 500 if code in {1002, 241} else 400
