"""Hostile stacks: the time of every language grows by length alone, whatever a text is made of."""

import time
from functools import partial

import pytest

from pipeline.process.stacks import LANGUAGES, parse
from tests.process.test_hostile import cpu_of, pumped

# What the languages' patterns look for, alone and as a head that keeps them looking.
PIECES = (
    *("#0 ", "#0  0x1 in ", "#1 a (", "#0  f<", "#0  a (b) at ", ") at c:1", "    at ", "[abi:"),
    *(
        "   0: ",
        "   0: a::b\n",
        "             at a.rs:1",
        "<a as ",
        "::{{closure}}",
        " with ",
        "#0 .rs:",
    ),
    *(
        "   at A.B(",
        "   at A.B()\n",
        " in f:line 1",
        " ---> ",
        "--- inner ",
        "<>c.",
        "[0x1]",
        "<<a>",
    ),
    *("a:1:in '", "a:1:in `b'\n", "\tfrom ", "block in ", "': m (A)", "\x1b[1m", "(eval at "),
    *("#0 a.php(1): ", "#0 a.php(1): b()\n", "{closure", "@anonymous", "\nNext ", " in a.php:1"),
    *(
        "0   a   0x1 ",
        "0 [ra] 0x1 a + 1 in b\n",
        " + 1 in ",
        "closure #1 ",
        "$s1a",
        "Thread 1 crashed:",
    ),
    *(
        "goroutine 1",
        "\ta.go:1\n",
        "a.b(\n",
        "a@b:1:1\n",
        "    at a (b:1:1)\n",
        "\tat a.b(C.java:1)\n",
    ),
    *(
        "(anonymous namespace)",
        "operator",
        "operator()",
        "Sanitizer: a",
        " a",
        "\n\n",
        "0x",
        ": ",
        "'",
    ),
)
HEADS = (
    "",
    "#0  0x1 in ",
    "   0: a::",
    "   at A.B(C d) in ",
    "0   a   0x1 ",
    "a.rb:1:in '",
    ".rs: ",
)


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear(piece: str) -> None:
    """S1 Twice the length of a hostile stack costs about twice the time, in every language."""
    for head in HEADS:
        short, long = (head + pumped(piece, size) for size in (12_000, 24_000))
        for work in (parse, *(part for one in LANGUAGES for part in (one.parse, one.headline))):
            once, twice = cpu_of(partial(work, short)), cpu_of(partial(work, long))

            assert twice < 2.8 * once + 0.003, (head, work)


@pytest.mark.parametrize("piece", PIECES)
def test_eight_kilobytes_cost_milliseconds(piece: str) -> None:
    """S1 A hostile stack of 8 KB is read in no time."""
    for head in HEADS:
        text = head + pumped(piece, 8192)
        began = time.process_time()
        stack = parse(text)
        for language in LANGUAGES:
            language.headline(text)

        assert time.process_time() - began < 0.1, (head, len(stack.frames))
