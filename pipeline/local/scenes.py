"""What goes wrong in the demo's services: errors with the stacks that real runtimes printed.

Java, JavaScript and Go stacks were recorded from small programs; Python's are raised afresh. Each
scene is one issue: its numbers, ids and release folders change from event to event, its code does
not.
"""

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

Event = dict[str, Any]


class Draw(NamedTuple):
    """What differs between two occurrences of a scene."""

    number: int
    release: str
    user: str


class Scene(NamedTuple):
    """One issue of one service; ``make`` renders an occurrence."""

    service: str
    name: str
    make: Callable[[Draw], Event]


_CHECKOUT = """
class CartError(ValueError):
    pass


def load(cart, number):
    return {"cart": {}}[cart]


def charge(amount):
    if amount <= 0:
        raise CartError(f"amount must be positive, got {amount}")


def connect(number):
    where = f"inventory-db.internal:5432 refused pooled connection {number}"
    raise ConnectionRefusedError(111, where)


def reserve(number):
    connect(number)


def pay_unknown(number):
    load(f"cart-{number}", number)


def pay_negative(number):
    charge(-number)


def pay_incident(number):
    reserve(number)
"""
_MODULES: dict[str, dict[str, Any]] = {}


def _python(entry: str, draw: Draw) -> Event:
    """Raise a real exception in code that lives in the release's folder."""
    space = _MODULES.get(draw.release)
    if space is None:
        space = _MODULES[draw.release] = {"__name__": "shop.pay"}
        code = compile(_CHECKOUT, f"/srv/checkout/{draw.release}/shop/pay.py", "exec")
        exec(code, space)  # noqa: S102  our own text, compiled under the name of a release
    try:
        space[entry](draw.number)
    except (LookupError, ValueError, OSError) as error:
        frames = error.__traceback__
        text = "".join(traceback.format_exception(type(error), error, frames and frames.tb_next))
        return {
            "platform": "python",
            "exception": {"type": type(error).__name__, "value": str(error), "stacktrace": text},
        }
    raise AssertionError(f"{entry} did not raise")


def _text(platform: str, type_: str, value: str, stack: str) -> Callable[[Draw], Event]:
    """Return a renderer of a recorded stack; ``{n}`` and ``{release}`` are filled in."""

    def make(draw: Draw) -> Event:
        """Fill one occurrence in."""

        def fill(text: str) -> str:
            return text.replace("{n}", str(draw.number)).replace("{release}", draw.release)

        head = f"{type_}: {fill(value)}\n" if platform != "go" else ""
        exception = {"type": type_, "value": fill(value), "stacktrace": head + fill(stack)}
        return {"platform": platform, "exception": exception}

    return make


_RANK = """    at /srv/search/{release}/rank.js:12:56
    at Array.map (<anonymous>)
    at rank (/srv/search/{release}/rank.js:12:34)
    at query (/srv/search/{release}/query.js:31:65)
    at Router.dispatch (/srv/search/{release}/router.js:77:48)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""
_SUGGEST = """    at suggest (/srv/search/{release}/suggest.js:5:45)
    at async Router.complete (/srv/search/{release}/router.js:91:28)"""
_ZONE = """\tat com.example.shipping.Rates$Handler.handle(Rates.java:46)
\tat com.example.shipping.Rates.main(Rates.java:19)
Caused by: java.lang.NullPointerException: Cannot invoke "java.lang.Double.doubleValue()"
\tat com.example.shipping.Rates$Table.rate(Rates.java:14)
\tat com.example.shipping.Rates$Quoter.quote(Rates.java:25)
\t... 2 more"""
_WEIGHT = """\tat java.base/java.lang.Integer.parseInt(Integer.java:668)
\tat com.example.shipping.Parcel.lambda$weigh$0(Parcel.java:57)
\tat java.base/java.util.stream.ReferencePipeline$3$1.accept(ReferencePipeline.java:197)
\tat java.base/java.util.stream.ReferencePipeline.forEach(ReferencePipeline.java:596)
\tat com.example.shipping.Parcel.weigh(Parcel.java:57)
\tat com.example.shipping.Desk.accept(Desk.java:11)"""
_SHELF = """panic: runtime error: index out of range [{n}] with length 0

goroutine 118 [running]:
example.com/inventory/stock.(*Shelf).At(...)
\t/srv/inventory/{release}/stock/stock.go:33
example.com/inventory/stock.Reserve(0xc0000b2f40, 0x{n})
\t/srv/inventory/{release}/stock/stock.go:41 +0x1d
main.handle({0xc0000b2f40, 0x{n}})
\t/srv/inventory/{release}/main.go:23 +0xd3"""
_SHIP = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0x489457]

goroutine {n} [running]:
example.com/inventory/stock.Ship(0xc00009c120, {0x4b3a61, 0x1})
\t/srv/inventory/{release}/stock/ship.go:52 +0x2f
main.dispatch(...)
\t/srv/inventory/{release}/main.go:64
main.main()
\t/srv/inventory/{release}/main.go:14 +0xb7"""


def _profile(draw: Draw) -> Event:
    """Return an event with structured frames, as a Sentry SDK sends them: oldest first."""
    folder = f"/srv/accounts/{draw.release}/accounts"
    frames = [
        {"filename": f"{folder}/web.py", "function": "dispatch", "lineno": 80, "in_app": True},
        {"filename": f"{folder}/profile.py", "function": "load", "lineno": 42, "in_app": True},
    ]
    value = {
        "type": "AttributeError",
        "value": "'NoneType' object has no attribute 'locale'",
        "mechanism": {"type": "wsgi", "handled": False},
        "stacktrace": {"frames": frames},
    }
    return {"platform": "python", "exception": {"values": [value]}}


def _bounce(draw: Draw) -> Event:
    """Return a log line without a stack."""
    text = f"mail {draw.number} to {draw.user}@example.org bounced: mailbox full after 3 attempts"
    return {"message": text, "logger": "mailer.smtp"}


def _template(draw: Draw) -> Event:
    """Return a log line of another template."""
    return {
        "message": f"template receipt-{draw.number} has no translation, sent in English instead",
        "logger": "mailer.render",
        "level": "warning",
    }


SCENES: tuple[Scene, ...] = (
    Scene("checkout", "unknown cart", lambda draw: _python("pay_unknown", draw)),
    Scene("checkout", "negative amount", lambda draw: _python("pay_negative", draw)),
    Scene(
        "search",
        "rank",
        _text(
            "javascript",
            "TypeError",
            "Cannot read properties of undefined (reading 'value')",
            _RANK,
        ),
    ),
    Scene(
        "search",
        "suggest",
        _text("javascript", "TimeoutError", "suggest index did not answer in {n} ms", _SUGGEST),
    ),
    Scene(
        "shipping",
        "zone",
        _text("java", "java.lang.IllegalStateException", "no rate for zone EU-{n}", _ZONE),
    ),
    Scene(
        "shipping",
        "weight",
        _text(
            "java",
            "java.lang.NumberFormatException",
            'For input string: "{n},5kg"',
            _WEIGHT,
        ),
    ),
    Scene(
        "inventory",
        "shelf",
        _text("go", "runtime.boundsError", "index out of range [{n}] with length 0", _SHELF),
    ),
    Scene(
        "inventory",
        "ship",
        _text("go", "runtime.errorString", "invalid memory address", _SHIP),
    ),
    Scene("accounts", "profile", _profile),
    Scene("mailer", "bounce", _bounce),
    Scene("mailer", "translation", _template),
)
INCIDENT = Scene("checkout", "inventory-db", lambda draw: _python("pay_incident", draw))
SERVICES = ("checkout", "search", "shipping", "inventory", "accounts", "mailer")
