"""A file's bytes as text, and what its name tells."""

import codecs
import io
import tokenize
from typing import Final

from pipeline.analysis.facts import Unparsable

LARGEST: Final = 2 * 2**20
# No person writes lines of this length on average: the text was made by a machine.
_MINIFIED: Final = 400
_TEST_FOLDERS: Final = frozenset(("test", "tests", "__tests__", "spec", "testing", "testdata"))
_TEST_PARTS: Final = ("test_", "conftest.py")
_TEST_ENDINGS: Final = ("_test.py", "_test.go", "Test.java", "Tests.java", "IT.java")


def decoded(path: str, body: bytes) -> str:
    """Return a file's text; raises Unparsable for what no editor would show either."""
    if len(body) > LARGEST:
        raise Unparsable(f"{len(body)} bytes: larger than {LARGEST}")
    try:
        encoding = _encoding(path, body)
        text = body.decode(encoding)
    except SyntaxError as error:
        raise Unparsable(f"line 1: {error.msg}") from error
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Unparsable(f"line {line}: not {error.encoding}") from error
    if "\0" in text:
        raise Unparsable(f"line {text.count(chr(10), 0, text.find(chr(0))) + 1}: a null byte")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(path: str, body: bytes) -> str:
    """Return the encoding that a file declares; UTF-8 if it declares none."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if path.endswith(".py"):
        return tokenize.detect_encoding(io.BytesIO(body).readline)[0]
    return "utf-8-sig"


def is_minified(text: str) -> bool:
    """Tell whether a text was packed for machines."""
    return len(text) > _MINIFIED * 10 and len(text) > _MINIFIED * (text.count("\n") + 1)


def is_test(path: str) -> bool:
    """Tell whether a file belongs to the tests."""
    *folders, name = path.split("/")
    return (
        not _TEST_FOLDERS.isdisjoint(folders)
        or name.startswith(_TEST_PARTS)
        or name.endswith(_TEST_ENDINGS)
        or any(part in {"test", "spec", "cy"} for part in name.split(".")[1:-1])
    )
