"""Swift's stacks: names with and without mangling, and the one thread that crashed."""

import pytest

from pipeline.process.stacks import swift
from pipeline.process.stacks.frame import key_frames


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Pay.charge(_:)", "Pay.charge"),
        ("static Till.main()", "Till.main"),
        ("specialized Rates.apply<A>(_:to:)", "Rates.apply"),
        ("closure #1 in Cart.pay()", "closure in Cart.pay"),
        ("closure #1 (Swift.Int) -> () in shop.Cart.pay() -> ()", "closure in shop.Cart.pay"),
        ("partial apply for closure #2 in Cart.pay()", "closure in Cart.pay"),
        ("(3) await resume partial function for specialized Cart.pay()", "Cart.pay"),
        ("shop.Cart.total.getter : Swift.Int", "shop.Cart.total.getter"),
        ("static Money.< infix(_:_:)", "Money.< infix"),
        ("@objc Cart.pay()", "Cart.pay"),
        ("-[ShopCart pay:]", "-[ShopCart pay:]"),
        ("$s4shop3PayV6chargeyySiF", "Pay.charge"),
        ("$s4shop4CartC3payyyF", "Cart.pay"),
        ("$s4shop5start2atySS_tF", "start"),
        ("0x104a00000", ""),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A name has no labels, types and marks of the compiler, mangled or not."""
    assert swift.clean(raw) == clean


def test_only_the_thread_that_crashed_counts() -> None:
    """Threads before and behind it, registers and images are no part of the stack."""
    text = (
        "Thread 0:\n0   shop  0x00000001 idle() + 8\n\nThread 1 Crashed:\n"
        "0   shop  0x00000001 pay() + 8 (Pay.swift:12)\n\nThread 2:\n1   shop  0x00000001 b() + 8\n"
    )

    assert key_frames(swift.parse(text)) == ("pay@Pay.swift",)


def test_the_runtime_and_the_system_are_not_ours() -> None:
    """Swift's checks, system images and what the compiler generates do not decide."""
    assert not swift.is_ours("_assertionFailure", "shop")
    assert not swift.is_ours("Array.subscript.getter", "libswiftCore.so")
    assert swift.is_ours("Pay.charge", "libcheckout.so")
    assert swift.is_ours("Pay.charge", "shop")
