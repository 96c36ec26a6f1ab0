"""C#'s stacks: what the compiler generates, and what .NET translates."""

import pytest

from pipeline.process.stacks import csharp
from pipeline.process.stacks.frame import key_frames


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Shop.Bank.<AskAsync>d__12.MoveNext", "Shop.Bank.AskAsync"),
        ("Shop.Bank.<AskAsync>d__12`1.MoveNext", "Shop.Bank.AskAsync"),
        ("Shop.Cart.<>c__DisplayClass4_0.<Total>b__1", "Shop.Cart.Total.lambda"),
        ("Shop.Cart.<>c.<Total>b__4_0", "Shop.Cart.Total.lambda"),
        ("Shop.Cart.<>c__DisplayClass7_0.<<Pay>b__0>d.MoveNext", "Shop.Cart.Pay.lambda"),
        ("Shop.Cart.<Total>g__Rounded|4_2", "Shop.Cart.Total.Rounded"),
        ("Program.<<Main>$>g__Run|0_0", "Program.Main.Run"),
        ("Program.<Main>$", "Program.Main"),
        ("Program.<Main>", "Program.Main"),
        ("Shop.Repository`1.Find[TKey]", "Shop.Repository.Find"),
        ("Shop.Cart..ctor", "Shop.Cart.ctor"),
        ("Shop.Reader.MoveNext", "Shop.Reader.MoveNext"),
    ],
)
def test_names(raw: str, clean: str) -> None:
    """A method has the name that stands in the source, however the compiler moved it."""
    assert csharp.clean(raw) == clean


@pytest.mark.parametrize(
    "line",
    [
        "   at Shop.Pay.Charge(Int32 amount) in /srv/Pay.cs:line 12",
        "   at Shop.Pay.Charge(Int32 amount) in D:\\a b\\Pay.cs:line 12",
        "   bei Shop.Pay.Charge(Int32 amount) in C:\\Pay.cs:Zeile 12.",
        "   à Shop.Pay.Charge(Int32 amount) dans C:\\Pay.cs:ligne 12",
        "   en Shop.Pay.Charge(Int32 amount) en C:\\Pay.cs:línea 12",
        "   in Shop.Pay.Charge(Int32 amount) in C:\\Pay.cs:riga 12",
        "   em Shop.Pay.Charge(Int32 amount) na C:\\Pay.cs:linha 12",
        "   в Shop.Pay.Charge(Int32 amount) в C:\\Pay.cs:строка 12",
        "   場所 Shop.Pay.Charge(Int32 amount) 場所 C:\\Pay.cs:行 12",
        "   在 Shop.Pay.Charge(Int32 amount) 位置 C:\\Pay.cs:行号 12",
        "  at Shop.Pay.Charge (System.Int32 amount) [0x0000f] in /srv/Pay.cs:12 ",
    ],
)
def test_languages(line: str) -> None:
    """A translated frame is the frame."""
    (frame,) = csharp.parse(f"System.Exception: no\n{line}\n")

    assert (frame.function, frame.path[-6:], frame.line) == ("Shop.Pay.Charge", "Pay.cs", 12)


def test_an_exception_that_was_never_thrown_is_known_by_its_cause() -> None:
    """Without a stack of its own an aggregate has the stack of what it holds."""
    text = (
        "System.AggregateException: One or more errors occurred. (no)\n"
        " ---> System.Exception: no\n   at Shop.Pay.Charge() in /srv/Pay.cs:line 12\n"
        "   --- End of inner exception stack trace ---\n"
    )

    assert key_frames(csharp.parse(text)) == ("Shop.Pay.Charge@Pay.cs",)


def test_the_framework_is_not_ours() -> None:
    """Namespaces of the framework do not decide while others are there."""
    assert not csharp.is_ours("System.Linq.Enumerable.Sum")
    assert not csharp.is_ours("Microsoft.AspNetCore.Mvc.Run")
    assert csharp.is_ours("Systems.Run")
