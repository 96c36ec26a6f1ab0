"""Ruby's stacks: one key from every version, however the backtrace was printed."""

import json
from pathlib import Path

import pytest

from pipeline.process.stacks import ruby
from pipeline.process.stacks.frame import key_frames

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "stacks.json").read_text())


def test_versions_agree() -> None:
    """2.7's reversed traceback, backticks, 3.4's classes and a bare backtrace give one key."""
    kinds = ("plain", "plain_3_3", "plain_2_7", "plain_backtrace")

    assert len({json.dumps(GOLDEN[f"ruby/{kind}"]) for kind in kinds}) == 1
    assert GOLDEN["ruby/chain"] == GOLDEN["ruby/chain_2_7"]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Shop::Pay#charge", "charge"),
        ("Shop::Pay.open", "open"),
        ("block (2 levels) in Shop::Pay#charge", "charge"),
        ("rescue in block in charge", "charge"),
        ("<main>", ""),
        ("block in <top (required)>", ""),
        ("#<Class:0x00007f1f0a8b3c40>#run", "run"),
        ("price_482", "price_"),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A method has its bare name, which a block or a rescue of it shares."""
    assert ruby.clean(raw) == clean


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("a.rb:1:in 'f': no (KeyError)\n", ("KeyError", "no")),
        ("a.rb:1:in 'f': one\ntwo (KeyError)\n", ("", "one")),
        ("a.rb:1:in 'f': unhandled exception\n", ("", "unhandled exception")),
        ("KeyError: no\na.rb:1:in 'f'\n", ("KeyError", "no")),
        ("KeyError (no):\n  \na.rb:1:in 'f'\n", ("KeyError", "no")),
        ("\tfrom a.rb:1:in 'f'\n", ("", "")),
    ],
)
def test_headlines(text: str, raised: tuple[str, str]) -> None:
    """Type and message are found in what Ruby, a logger and Rails write."""
    assert ruby.headline(text) == raised


def test_gems_do_not_decide() -> None:
    """Gems, the standard library and Ruby's own code are not ours."""
    text = (
        "/usr/lib/ruby/3.3.0/net/http.rb:1:in 'get'\n/b/gems/x-1.0/x.rb:2:in 'x'\n"
        "<internal:kernel>:187:in 'loop'\n/srv/a.rb:3:in 'f'"
    )

    assert key_frames(ruby.parse(text)) == ("f@a.rb",)
