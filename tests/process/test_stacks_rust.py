"""Rust's stacks: one key from every compiler, with and without debug information."""

import pytest

from pipeline.process.stacks import rust
from pipeline.process.stacks.frame import key_frames


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("shop::pay::charge::h0123456789abcdef", "shop::pay::charge"),
        ("shop[e28293b1aa0f68bd]::pay::charge", "shop::pay::charge"),
        ("shop::main::{{closure}}", "shop::main::{closure}"),
        ("shop::main::{closure#0}", "shop::main::{closure}"),
        ("<shop::Cart as shop::Pay>::pay", "<shop::Cart as shop::Pay>::pay"),
        ("<shop::Cart<i32> as shop::Pay<T>>::pay", "<shop::Cart as shop::Pay>::pay"),
        ("<&shop::Cart>::pay", "shop::Cart::pay"),
        ("<shop::Cart<fn(i32) -> i64>>::pay::<u8>", "shop::Cart::pay"),
        ("shop::Cart<T>::pay", "shop::Cart::pay"),
        ("shop::pay::charge with amount=-3", "shop::pay::charge"),
        ("<unclosed::f", ""),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A name has no hash, no type arguments and no closure's number; its trait stays."""
    assert rust.clean(raw) == clean


@pytest.mark.parametrize(
    ("function", "path", "ours"),
    [
        ("shop::pay", "/srv/shop/src/pay.rs", True),
        ("shop::pay", "", True),
        ("<shop::Cart as core::fmt::Display>::fmt", "", True),
        ("<core::option::Option as shop::Pay>::pay", "/srv/shop/src/pay.rs", True),
        ("<core::future::PollFn as core::future::Future>::poll", "", False),
        ("core::option::unwrap", "", False),
        ("tokio::spawn", "/root/.cargo/registry/src/index-1/tokio-1.38.0/src/task.rs", False),
        ("main", "", False),
    ],
)
def test_whose_code_it_is(function: str, path: str, *, ours: bool) -> None:
    """The language's crates and the registry's are not ours, our types with their traits are."""
    assert rust.is_ours(function, path) is ours


def test_the_first_panic_counts() -> None:
    """A text with the stacks of several panics is known by the first, as is its message."""
    one = "thread 'a' panicked at a.rs:1:2:\none\nstack backtrace:\n   0: shop::a\n"
    text = one + one.replace("one", "two").replace("shop::a", "shop::b")

    assert key_frames(rust.parse(text)) == ("shop::a@",)
    assert rust.headline(text) == ("panic", "one")


def test_causes_are_no_frames() -> None:
    """The numbered causes of an error stand before its backtrace and are none of it."""
    text = "Error: a\n\nCaused by:\n    0: shop::not found\n\nStack backtrace:\n   0: shop::b\n"

    assert key_frames(rust.parse(text)) == ("shop::b@",)
