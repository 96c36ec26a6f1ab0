"""The languages: what their files are called, and what reads them."""

from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.analysis import go, java, javascript, python
from pipeline.analysis.facts import Facts


class Language(NamedTuple):
    """One language; ``read`` raises Unparsable."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Facts, str], None]


LANGUAGES: Final = (
    Language("python", (".py",), python.read),
    Language("javascript", (".js", ".jsx", ".mjs", ".cjs"), javascript.read),
    Language("typescript", (".ts", ".tsx", ".mts", ".cts"), javascript.read_typescript),
    Language("java", (".java",), java.read),
    Language("go", (".go",), go.read),
)
_BY_SUFFIX: Final = {suffix: one for one in LANGUAGES for suffix in one.suffixes}


def language_of(path: str) -> Language | None:
    """Return the language of a file by its name."""
    return _BY_SUFFIX.get(path[path.rfind(".") :].lower()) if "." in path else None
