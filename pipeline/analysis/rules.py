"""What is wrong with a handler: each rule is a question about one, named here and nowhere else."""

from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from pipeline.analysis.facts import Ending, Handler, Loop

Severity = Literal["high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
_GOES_ON = frozenset({Ending.FALLS, Ending.CONTINUES})


class Rule(NamedTuple):
    """What a rule is called and what it advises."""

    id: str
    title: str
    advice: str


def swallows(handler: Handler) -> Severity | None:
    """Tell whether an error vanishes here without a trace."""
    quiet = handler.bare and not handler.logs and not handler.used
    if not (quiet and handler.failure and handler.ending in {*_GOES_ON, Ending.LEAVES}):
        return None
    return "high" if handler.broad else "medium"


def logs_and_rethrows(handler: Handler) -> Severity | None:
    """Tell whether whoever catches the error next will log it a second time."""
    return "low" if handler.logs and handler.ending is Ending.RETHROWS else None


def retries_at_once(handler: Handler) -> Severity | None:
    """Tell whether the same operation is tried again without a pause."""
    again = handler.loop is Loop.RETRY and handler.ending in _GOES_ON
    return "medium" if again and not handler.waits else None


def goes_on_in_loop(handler: Handler) -> Severity | None:
    """Tell whether a loop goes on after any error at all."""
    # In a loop that only repeats one operation the question is how it repeats it.
    inside = handler.loop is Loop.PLAIN and handler.ending in _GOES_ON
    if not (inside and handler.broad) or handler.used:
        return None
    return "low" if handler.logs else "medium"


def returns_nothing(handler: Handler) -> Severity | None:
    """Tell whether the caller gets nothing instead of an error, and cannot know why."""
    if handler.ending is not Ending.NOTHING or not handler.failure or handler.used:
        return None
    return "low" if handler.logs else "medium"


SWALLOW: Final = Rule(
    "swallow",
    "An error vanishes without a trace",
    "Catch the type you expect, or log the error with its stack before going on.",
)
LOG_AND_RETHROW: Final = Rule(
    "log-and-rethrow",
    "An error is logged and raised again",
    "Do one of both: whoever handles the error logs it, or the log counts it twice.",
)
RETRY: Final = Rule(
    "retry-without-backoff",
    "A failed operation is tried again at once",
    "Wait between attempts, longer each time and with jitter, and bound their number.",
)
BROAD_IN_LOOP: Final = Rule(
    "broad-except-in-loop",
    "A loop goes on after any error",
    "Catch what one turn may survive, and stop when every turn fails: a bug fails them all.",
)
RETURN_NONE: Final = Rule(
    "return-none-on-error",
    "Nothing is returned in place of an error",
    "Let the error reach the caller, who cannot tell it from 'nothing found'.",
)
UNHANDLED: Final = Rule(
    "unhandled-promise",
    "Nobody waits for a promise or a task",
    "Await it, or keep it and handle its error: a failure here is lost.",
)
UNUSED_MONITORING: Final = Rule(
    "monitoring-not-initialised",
    "A monitoring client is declared and never started",
    "Call its init at the start of the service, or drop the dependency.",
)
NO_STRUCTURE: Final = Rule(
    "unstructured-logging",
    "A logging framework is used without structure",
    "Configure a JSON formatter, so that lines can be searched by field.",
)
RULES: Final = (
    SWALLOW,
    LOG_AND_RETHROW,
    RETRY,
    BROAD_IN_LOOP,
    RETURN_NONE,
    UNHANDLED,
    UNUSED_MONITORING,
    NO_STRUCTURE,
)
# The five patterns of a handler, each with its question.
PATTERNS: Final[tuple[tuple[Rule, Callable[[Handler], Severity | None]], ...]] = (
    (SWALLOW, swallows),
    (LOG_AND_RETHROW, logs_and_rethrows),
    (RETRY, retries_at_once),
    (BROAD_IN_LOOP, goes_on_in_loop),
    (RETURN_NONE, returns_nothing),
)


def broken(handler: Handler) -> Iterator[tuple[Rule, Severity]]:
    """Yield the rules that a handler breaks."""
    for rule, question in PATTERNS:
        if severity := question(handler):
            yield rule, severity


def is_pattern(rule: str) -> bool:
    """Tell whether a rule is about a handler."""
    return any(rule == one.id for one, _ in PATTERNS)


def at_least(severity: Severity) -> tuple[Severity, ...]:
    """Return this severity and those above it."""
    return SEVERITIES[: SEVERITIES.index(severity) + 1]
