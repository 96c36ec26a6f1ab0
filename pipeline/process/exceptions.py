"""What was raised: an ``exception`` that may be an object, a list, a text or Sentry's values."""

from typing import Any, Final, NamedTuple

from pipeline.model.stage import Unreadable
from pipeline.process import stacks
from pipeline.process.stacks import NONE, Stack
from pipeline.process.values import text

MAX_MESSAGE: Final = 8192
_MOST: Final = 50


class Raised(NamedTuple):
    """The exception that reached the top, and the text of its causes."""

    type: str = ""
    value: str = ""
    stack: Stack = NONE
    handled: bool = True
    causes: str = ""


NOTHING: Final = Raised()


def raised(body: dict[str, Any], platform: str) -> Raised:
    """Return what was raised, or what a message's own stack says; raises Unreadable."""
    members = _members(body.get("exception"))
    if members:
        found = _one(members[-1], platform)
        if len(members) > 1:
            found = _plain_group(members, found, platform)
            found = found._replace(causes=_causes(members[:-1]))
        if not found.stack.frames and body.get("stacktrace"):
            found = found._replace(stack=stacks.read(body["stacktrace"], platform))
        return found
    stack = stacks.read(body.get("stacktrace") or _crashed(body.get("threads")), platform)
    type_, value = _clean_headline(stack)
    return Raised(type_, value, stack)


def _members(value: Any) -> list[Any]:
    """Return the exceptions of any shape, the raised one last."""
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, dict) and isinstance(value.get("values"), list):
        value = value["values"]
    elif isinstance(value, dict):
        value = [] if "values" in value and len(value) == 1 else [value]
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise Unreadable("wrong_type", "exception is an object, a list or a text")
    members = [member for member in value[:_MOST] if isinstance(member, dict | str) and member]
    if members and isinstance(members[0], dict) and "exc_type" in members[0]:
        members.reverse()  # structlog tells the raised one first
    return members


def _one(member: Any, platform: str) -> Raised:
    """Return one exception."""
    if isinstance(member, str):
        stack = stacks.parse(member)
        type_, value = _clean_headline(stack)
        if not stack.frames and not type_:
            value = member[:MAX_MESSAGE]
        return Raised(type_, value, stack)
    mechanism = member.get("mechanism")
    mechanism = mechanism if isinstance(mechanism, dict) else {}
    given = member.get("stacktrace") or member.get("stack") or member.get("raw_stacktrace")
    stack = stacks.read(given or member, platform)
    type_ = text(member.get("type") or member.get("exc_type"))
    if platform == "java" and member.get("module") and "." not in type_:
        type_ = f"{text(member['module'])}.{type_}"
    if mechanism.get("synthetic") is True:
        type_ = ""
    value = text(_first(member, "value", "message", "exc_value"), MAX_MESSAGE)
    if not type_ and not value:
        type_, value = _clean_headline(stack)
    return Raised(type_, value, stack, mechanism.get("handled") is not False)


def _first(member: dict[str, Any], *names: str) -> Any:
    """Return the first field that has a value."""
    return next((member[name] for name in names if member.get(name) is not None), None)


def _plain_group(members: list[Any], whole: Raised, platform: str) -> Raised:
    """Return a member in place of an exception group whose members are all alike."""
    if not isinstance(members[-1], dict):
        return whole
    mechanism = members[-1].get("mechanism")
    if not isinstance(mechanism, dict) or mechanism.get("is_exception_group") is not True:
        return whole
    own = mechanism.get("exception_id")
    parts = [
        _one(member, platform)
        for member in members[:-1]
        if isinstance(member, dict)
        and isinstance(member.get("mechanism"), dict)
        and member["mechanism"].get("parent_id") == own
    ]
    alike = {(part.type, tuple(f.function for f in part.stack.frames)) for part in parts}
    if len(alike) != 1:
        return whole
    return parts[-1]._replace(handled=whole.handled)


def _causes(members: list[Any]) -> str:
    """Return the causes as lines, the nearest first."""
    lines = []
    for member in reversed(members):
        if isinstance(member, dict):
            type_ = text(member.get("type") or member.get("exc_type"))
            value = text(_first(member, "value", "exc_value"), 500)
            lines.append(f"Caused by: {type_}: {value}")
    return "\n".join(lines)


def _clean_headline(stack: Stack) -> tuple[str, str]:
    """Return type and message as a stack's text says them; a type is one word."""
    type_, value = (part.strip() for part in stack.headline)
    if not type_ or len(type_) > 200 or any(char.isspace() for char in type_):
        if type_ == "fatal error":
            return type_, value[:MAX_MESSAGE]
        return "", f"{type_}: {value}"[:MAX_MESSAGE] if value else type_[:MAX_MESSAGE]
    return type_, value[:MAX_MESSAGE]


def _crashed(threads: Any) -> Any:
    """Return the stack of the thread that crashed, else of the current one."""
    if isinstance(threads, dict):
        threads = threads.get("values")
    if not isinstance(threads, list):
        return None
    having = [t for t in threads if isinstance(t, dict) and t.get("stacktrace")]
    for flag in ("crashed", "current"):
        for thread in having:
            if thread.get(flag) is True:
                return thread["stacktrace"]
    return having[0]["stacktrace"] if having else None
