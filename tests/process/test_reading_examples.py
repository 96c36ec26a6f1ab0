"""The published examples of events.raw: what becomes of every single one."""

from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from pipeline.model.frame import ResourceRow, ServiceRow
from tests.process.build import a_stage, fed, novel, outcomes, rows

FOLDER = Path(__file__).parents[2] / "schemas/examples/events.raw"
JS = ("charge@pay.mjs", "checkout@cart.mjs")
PY = ("pay@pay.py", "checkout@cart.py")
JAVA = ("com.example.Pay.charge@Pay.java", "com.example.Api.post@Api.java")
AMOUNT = "amount must be positive, got -5"
CLOSED = "java.lang.IllegalStateException"


class Read(NamedTuple):
    """What an example says: type and message, what decides its group, and how bad it is."""

    error_type: str
    message: str
    parts: tuple[str, ...]
    kind: str = "stack"
    level: str = "error"
    handled: bool = True
    seconds: float = 20.25


NODE = ("chained@n.mjs", "@n.mjs")
FLASK = ("charge@py_sentry.py", "f_unhandled@py_sentry.py", "@py_sentry.py")
ERRORS: dict[str, Read] = {
    "collector_fluent_bit": Read("RuntimeError", "payment failed", PY),
    "collector_logstash": Read("RuntimeError", "payment failed", PY, level="warning"),
    "collector_vector": Read("RangeError", AMOUNT, JS),
    "exception_group_alike": Read("ValueError", "amount -5", ("charge@pay.py",), handled=False),
    "exception_list": Read("RuntimeError", "payment failed", PY),
    "exception_object": Read("RangeError", AMOUNT, JS),
    "exception_string": Read("RuntimeError", "payment failed", PY),
    "exception_text": Read("ValueError", "amount must be positive", ("pay@a.py",), seconds=-1),
    "gateway_node_chained": Read("Error", "outer", NODE, seconds=-1),
    "gateway_py_unhandled": Read(
        "ValueError", "amount must be positive, got -1 for user 1", FLASK, handled=False, seconds=-1
    ),
    "hand_written": Read("RangeError", AMOUNT, ("RangeError", "charge"), "client"),
    "json_logger": Read("RangeError", "amount must be positive", ("charge@pay.mjs", "@main.mjs")),
    "log_bunyan": Read("RangeError", AMOUNT, JS),
    "log_ecs_dotted": Read(CLOSED, "cart is closed", JAVA),
    "log_ecs_nested": Read("RuntimeError", "payment failed", PY),
    "log_loguru": Read("RuntimeError", "payment failed", PY),
    "log_otel_flat": Read("RuntimeError", "payment failed", PY),
    "log_otel_record": Read(CLOSED, "cart is closed", ("closed-cart",), "client", "fatal"),
    "log_pino": Read("Error", f"payment failed: {AMOUNT}", ("checkout@cart.mjs", "main@main.mjs")),
    "log_pino_group": Read("RangeError", AMOUNT, JS, level="fatal"),
    "log_python_json_logger": Read("RuntimeError", "payment failed", PY, level="fatal"),
    "log_python_json_logger_lines": Read("RuntimeError", "payment failed", PY),
    "log_structlog_group": Read("ExceptionGroup", "many (2 sub-exceptions)", ("checkout@cart.py",)),
    "log_structlog_list": Read("RuntimeError", "payment failed", PY),
    "log_structlog_text": Read("RuntimeError", "payment failed", PY),
    "log_winston": Read("RangeError", AMOUNT, JS),
    "log_winston_uncaught": Read("RangeError", AMOUNT, JS, handled=False, seconds=20),
    "log_zap": Read("", "charge failed", ("charge", "failed"), "message"),
    "message": Read(
        *("", "payment gateway timed out after 1532 ms"),
        *(("payment", "gateway", "timed", "out", "after", "*"), "message"),
        seconds=-1,
    ),
    "odd_types": Read(
        "", "charge of 991 failed", ("charge", "of", "s", "failed"), "message", "fatal"
    ),
    "otel_log": Read(CLOSED, "cart is closed", JAVA),
    "sentry": Read("KeyError", "'x'", ("charge@pay.py",), handled=False, seconds=20.203),
    "smallest": Read("", "boom", ("boom",), "message", seconds=-1),
    "synthetic_message": Read(
        *("", "slow gateway 1532ms", ("slow", "gateway", "*"), "message", "warning")
    ),
    "threads": Read(
        *("SystemError", "killed", ("charge@pay.py", "run@worker.py"), "stack", "fatal", False)
    ),
    "threads_alone": Read("", "deadlock", ("deadlock",), "message"),
}
HOSTED = {
    *("collector_logstash", "collector_vector", "log_bunyan", "log_ecs_dotted", "log_ecs_nested"),
    *("log_otel_record", "log_pino", "log_pino_group"),
}


def test_every_example_is_known() -> None:
    """No example stands there without a statement of what it means."""
    measured = {"gateway_py_flask", "gateway_py_transaction", "request", "resource", "session"}

    assert {path.stem for path in FOLDER.glob("*.json")} == {*ERRORS, *measured}


@pytest.mark.parametrize("name", ERRORS)
def test_what_an_example_says(name: str) -> None:
    """2.15 Type, message, level, time and what decides the group are read from every shape."""
    found = novel((FOLDER / f"{name}.json").read_bytes())
    row = found.row
    seconds = row.ts.second + row.ts.microsecond / 1e6 if row.ts.day == 23 else -1

    assert ERRORS[name] == Read(
        row.error_type,
        row.message,
        found.key.parts,
        found.key.kind,
        row.level,
        row.handled,
        seconds,
    )
    assert row.service == ("checkout" if name in {"sentry", "otel_log"} else "shop")
    assert (row.host == "web-1") == (name in {*HOSTED, "gateway_py_unhandled"})


@pytest.mark.parametrize("name", ["log_ecs_dotted", "log_ecs_nested", "log_otel_record"])
def test_where_a_logger_ran(name: str) -> None:
    """Release, environment and user are found under ECS's and OTel's names."""
    row = novel((FOLDER / f"{name}.json").read_bytes()).row

    assert (row.release, row.environment, row.user_id) == ("1.4.2", "staging", "u-77")


def test_what_a_logger_knew_of_the_request() -> None:
    """Trace, method, URL and status of a flat ECS line are columns of the row."""
    row = novel((FOLDER / "log_ecs_dotted.json").read_bytes()).row

    assert (row.http_method, row.http_status) == ("POST", 500)
    assert row.url == "https://shop.example.com/pay"
    assert row.trace_id == "2d237f83a7ce4793a4f22202a5416e1e"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("exception_list", ["Caused by: KeyError: 'cart'", "find (shop/cart.py:7)"]),
        ("exception_object", ["Caused by: TypeError: no currency"]),
        ("gateway_node_chained", ["Caused by: RangeError: amount must be positive, got -1"]),
        ("log_structlog_list", [f"Caused by: ValueError: {AMOUNT}", "charge (/srv/shop/pay.py:7)"]),
        ("log_structlog_group", ["Member: ValueError: amount -5", "Member: KeyError: 'cart'"]),
        ("log_pino_group", ["Member of AggregateError: 2 charges failed"]),
        ("log_pino", [f"caused by: RangeError: {AMOUNT}"]),
        ("log_loguru", [f"ValueError: {AMOUNT}"]),
        (
            "exception_group_alike",
            ["Member of ExceptionGroup: 2 charges failed", "Caused by: KeyError: 'cart'"],
        ),
    ],
)
def test_causes_and_members_are_shown(name: str, lines: list[str]) -> None:
    """The stack that people read holds what caused it, with the frames of each cause."""
    stack = novel((FOLDER / f"{name}.json").read_bytes()).row.stack

    assert [line for line in lines if line not in stack.split("\n")] == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("log_pino", {"pid": 9656, "err": {"code": "E_AMOUNT"}, "message": "charge failed"}),
        ("log_structlog_text", {"invoice": 991, "message": "charge failed"}),
        ("log_bunyan", {"component": "billing"}),
        ("collector_fluent_bit", {"stream": "stderr", "message": "charge failed"}),
        ("collector_logstash", {"@version": "1", "message": "charge failed"}),
        ("log_winston_uncaught", {"message": f"uncaughtException: {AMOUNT}"}),
        ("hand_written", {"context": {"shift": "night"}, "extra": {"cart": 17}}),
        ("log_zap", {"error": AMOUNT, "caller": "shop/pay.go:31"}),
        ("odd_types", {"user": {"id": 4711}}),
    ],
)
def test_nothing_is_lost(name: str, kept: dict[str, object]) -> None:
    """2.15 What has no field in the contract stays beside it, what has one stands there once."""
    raw = (FOLDER / f"{name}.json").read_bytes()
    contexts = orjson.loads(novel(raw).row.contexts)

    assert contexts | kept == contexts
    assert "/srv/shop/pay" not in orjson.dumps(contexts).decode()


def test_measures() -> None:
    """Requests, sessions and samples of hosts are counted and go no further."""
    stage = a_stage()
    names = ("request", "session", "resource", "gateway_py_flask", "gateway_py_transaction")

    assert fed(stage, *((FOLDER / f"{name}.json").read_bytes() for name in names)) == []
    found = rows(stage, ServiceRow)
    assert sum(row.requests for row in found) == 2
    assert sum(row.sessions for row in found) == 13
    assert sum(row.sessions_crashed for row in found) == 2


def test_a_host_is_measured() -> None:
    """A sample of a host becomes the row of its resource."""
    stage = a_stage()
    fed(stage, (FOLDER / "resource.json").read_bytes())
    (row,) = rows(stage, ResourceRow)

    assert (row.service, row.host) == ("shop", "web-1")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: str(path.stem))
def test_examples_are_accepted(path: Path) -> None:
    """Every published example is readable and counted."""
    stage = a_stage()
    said = fed(stage, path.read_bytes())

    assert not any(isinstance(answer, str) for answer in said)
    assert outcomes(stage)["accepted"] == 1
