"""PHP's stacks: every function in its own file, whatever version and logger printed them."""

import json
from pathlib import Path

import pytest

from pipeline.process.stacks import php
from pipeline.process.stacks.frame import key_frames

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "stacks.json").read_text())


def test_a_function_stands_in_the_file_of_the_entry_before() -> None:
    """An entry's place is the caller's; the header tells the innermost one's."""
    text = "E: no in /a/one.php:1\nStack trace:\n#0 /a/two.php(2): f()\n#1 /a/three.php(3): g()\n"

    assert [frame[:3] for frame in php.parse(text)] == [
        ("f", "/a/one.php", 1),
        ("g", "/a/two.php", 2),
    ]


def test_versions_and_loggers_agree() -> None:
    """8.4's closures, earlier ones and a logger's stack of the same error give one key."""
    for one, other in (("anonymous", "anonymous_8_4"), ("plain", "plain_log")):
        assert GOLDEN[f"php/{one}"]["key"] == GOLDEN[f"php/{other}"]["key"]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Shop\\Pay->charge('a(b)')", "Shop\\Pay::charge"),
        ("Shop\\Cart->Shop\\{closure}(Array)", "Shop\\Cart::{closure}"),
        ("{closure:Shop\\Cart::prices():41}()", "{closure}"),
        ("class@anonymous\0/srv/a (1).php:16$1f->run()", "class@anonymous::run"),
        ("Shop\\Base@anonymous/srv/a.php:16$1f::run()", "Shop\\Base@anonymous::run"),
        ("__TwigTemplate_0a1b2c3f2a1b9c0d4e5f60718293a4b5->display()", "__TwigTemplate_::display"),
        ("include('/srv/a.php')", "include"),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A name has no arguments, and nothing that the next release compiles anew."""
    assert php.clean(raw) == clean


def test_calls_by_the_language_itself_do_not_decide() -> None:
    """A function that PHP calls or has built in is in no file, packages are not ours."""
    text = (
        "E: no in /srv/vendor/x/x.php:1\n#0 [internal function]: X\\x()\n#1 /srv/a.php(2): "
        "array_map()\n#2 /srv/b.php(3): f()\n#3 {main}"
    )

    assert key_frames(php.parse(text)) == ("f@a.php", "{main}@b.php")
