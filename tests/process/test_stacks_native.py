"""Native stacks: names as compilers and debuggers write them, and whose code it is."""

import pytest

from pipeline.process.stacks import native
from pipeline.process.stacks.frame import key_frames


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("shop::(anonymous namespace)::price", "shop::price"),
        ("{anonymous}::price(int)", "price"),
        ("std::function<void (int)>::operator()(int) const", "std::function::operator_call"),
        ("shop::Money::operator<", "shop::Money::operator_lt"),
        ("std::ostream& std::operator<< <std::char_traits<char> >", "std::operator_shl"),
        ("operator new(unsigned long)", "operator new"),
        ("shop::Money::operator unsigned long() const", "shop::Money::operator unsigned long"),
        ("void shop::apply<int, 3ul>(int*)", "shop::apply"),
        ("shop::Cart::name[abi:cxx11]() const", "shop::Cart::name"),
        ("split.isra.0", "split"),
        ("main.cold", "main"),
        ("strtol@plt", "strtol"),
        ("shop::Cart::~Cart()", "shop::Cart::~Cart"),
        ("??", ""),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A name has no arguments, template arguments, return type and marks of the optimiser."""
    assert native.clean(raw) == clean


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ('f (text="a) at b.c:3", n=2) at src/f.c:44', ("f", "src/f.c", 44)),
        ("0x00007f in read () from /lib64/libc.so.6", ("read", "/lib64/libc.so.6", 0)),
        ("0x00007f in f(int) /my code/f.cpp:3:9", ("f", "/my code/f.cpp", 3)),
        ("0x00007f in f src/f.c:7", ("f", "src/f.c", 7)),
        ("f() src/f.c:7:1 (shop+0x1f) (BuildId: 0f7e)", ("f", "src/f.c", 7)),
        ("0x00007f  (/srv/bin/shop+0x1f)", ("", "/srv/bin/shop", 0)),
        ("0x00007f in ?? ()", ("", "", 0)),
    ],
)
def test_places(call: str, shown: tuple[str, str, int]) -> None:
    """A frame tells function, file and line, however it was compiled."""
    (frame,) = native.parse(f"#0  {call}")

    assert frame[:3] == shown


def test_a_handler_is_not_what_failed() -> None:
    """Whatever a signal's handler calls stands above the frame that failed."""
    text = "#0  raise () at r.c:1\n#1  dump (n=11) at w.c:2\n#2  <signal handler called>\n"

    assert key_frames(native.parse(text + "#3  0x1f in f () at f.c:3")) == ("f@f.c",)


def test_the_library_counts_where_nothing_else_is_there() -> None:
    """A crash inside of libraries alone is known by their frames."""
    text = "#0  0x1f in raise () from /lib64/libc.so.6\n#1  0x1f in abort () from /lib64/libc.so.6"

    assert key_frames(native.parse(text)) == ("raise@libc.so", "abort@libc.so")
