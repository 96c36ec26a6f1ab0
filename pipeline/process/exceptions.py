"""What was raised: an ``exception`` that may be an object, a list, a text or Sentry's values."""

from typing import Any, Final, NamedTuple

from pipeline.process import stacks
from pipeline.process.chains import Given, chain_of
from pipeline.process.normalise import tokens
from pipeline.process.stacks import NONE, Stack
from pipeline.process.stacks.frame import key_frames
from pipeline.process.values import joined, text

MAX_MESSAGE: Final = 8192
_MAX_CAUSE: Final = 4096


class Raised(NamedTuple):
    """The exception that reached the top, and the text of its causes."""

    type: str = ""
    value: str = ""
    stack: Stack = NONE
    handled: bool = True
    causes: str = ""


def raised(body: dict[str, Any], platform: str) -> Raised:
    """Return what was raised, or what a message's own stack says; raises Unreadable."""
    chain = chain_of(body.get("exception"))
    if not chain:
        return _without_exception(body, platform)
    found = _one(chain[0].raw, platform) if len(chain) == 1 else _top(chain, platform)
    if found.stack.frames:
        return found
    raw = chain[-1].raw
    thread_id = raw.get("thread_id") if isinstance(raw, dict) else None
    given = body.get("stacktrace") or _thread(body.get("threads"), thread_id)
    return found._replace(stack=_stack(given, platform)) if given else found


def _without_exception(body: dict[str, Any], platform: str) -> Raised:
    """Return what an event's stack, a thread's or the one inside its message says."""
    stack = _stack(body.get("stacktrace") or _crashed(body.get("threads")), platform)
    message = body.get("message")
    if stack.text:
        type_, value = _clean_headline(stack)
        # A stack's words without a type are no better than the event's own.
        said = not type_ and (message or body.get("logentry"))
        return Raised(type_, "" if said else value, stack)
    if isinstance(message, str) and "\n" in message:
        stack = stacks.parse(message)
        if stack.frames:
            return Raised(*_clean_headline(stack), stack)
    return Raised()


def _one(member: Any, platform: str) -> Raised:
    """Return one exception."""
    if isinstance(member, str):
        stack = stacks.parse(member)
        type_, value = _clean_headline(stack)
        if not stack.frames and not type_:
            type_, value = _typed(member[:MAX_MESSAGE])
        return Raised(type_, value, stack)
    mechanism = member.get("mechanism")
    mechanism = mechanism if isinstance(mechanism, dict) else {}
    given = member.get("stacktrace") or _first(member, "stack", "stack_trace", "raw_stacktrace")
    stack = _stack(given or member, platform)
    type_ = text(member.get("type") or _first(member, "exc_type", "name", "kind"))
    value = text(_first(member, "value", "message", "exc_value"), MAX_MESSAGE)
    if mechanism.get("synthetic") is True:
        type_ = ""
    elif platform == "java" and type_ and member.get("module") and "." not in type_:
        type_ = f"{text(member['module'])}.{type_}"
    if not type_ and stack.headline[0] and mechanism.get("synthetic") is not True:
        type_, said = _clean_headline(stack)
        value = value or said
    return Raised(type_, value or _clean_headline(stack)[1], stack, _is_handled(mechanism))


def _is_handled(mechanism: dict[str, Any]) -> bool:
    """Tell whether somebody caught it, as far as is known."""
    return mechanism.get("handled") is not False


def _stack(given: Any, platform: str) -> Stack:
    """Return a stack of any shape, also of a list of lines."""
    return stacks.read(joined(given) or given, platform)


def _first(member: dict[str, Any], *names: str) -> Any:
    """Return the first field that has a value."""
    return next((member[name] for name in names if member.get(name) is not None), None)


def _top(chain: list[Given], platform: str) -> Raised:
    """Return the last of a chain with the others as its causes.

    In place of an exception group whose members are all alike stands one of them.
    """
    found: list[Raised] = []
    members: dict[int, list[Raised]] = {}
    for given in chain:
        one = _one(given.raw, platform)
        parts = members.get(given.own, []) if given.is_group else []
        if parts and parts[-1].type and len({_identity(part) for part in parts}) == 1:
            one = parts[-1]._replace(
                handled=one.handled, causes=f"Member of {one.type}: {one.value}"
            )
        if given.group is not None:
            members.setdefault(given.group, []).append(one)
        found.append(one)
    lines = [found[-1].causes] if found[-1].causes else []
    for given, one in zip(chain[-2::-1], found[-2::-1], strict=True):
        if one[:3] != found[-1][:3]:
            said = "Caused by" if given.group is None else "Member"
            lines.append(f"{said}: {one.type}: {one.value[:500]}")
            lines += [one.stack.text[:_MAX_CAUSE]] if one.stack.text else []
    return found[-1]._replace(causes="\n".join(lines))


def _identity(part: Raised) -> tuple[str, ...]:
    """Return what makes two members of a group alike: what they would be grouped by."""
    frames = key_frames(part.stack.frames)
    return part.type, *(frames or tokens(part.value))


def _typed(said: str) -> tuple[str, str]:
    """Return type and value of ``ValueError: no``; other words are all value."""
    type_, colon, value = said.partition(":")
    names = type_.split(".")
    is_name = colon and len(type_) <= 200 and all(name.isidentifier() for name in names)
    return (type_, value.strip()) if is_name and names[-1][:1].isupper() else ("", said.strip())


def _clean_headline(stack: Stack) -> tuple[str, str]:
    """Return type and message as a stack's text says them; a type is one word."""
    type_, value = (part.strip() for part in stack.headline)
    if not type_ or len(type_) > 200 or any(char.isspace() for char in type_):
        if type_ == "fatal error":
            return type_, value[:MAX_MESSAGE]
        return "", (f"{type_}: {value}" if type_ and value else type_ or value)[:MAX_MESSAGE]
    return type_, value[:MAX_MESSAGE]


def _having_stacks(threads: Any) -> list[dict[str, Any]]:
    """Return the threads whose stack is known."""
    values = threads.get("values") if isinstance(threads, dict) else threads
    if not isinstance(values, list):
        return []
    return [value for value in values if isinstance(value, dict) and value.get("stacktrace")]


def _crashed(threads: Any) -> Any:
    """Return the stack of the thread that crashed, else of the current one, else of any."""
    having = _having_stacks(threads)
    return _thread(threads) or (having[0]["stacktrace"] if having else None)


def _thread(threads: Any, thread_id: Any = None) -> Any:
    """Return the stack of this thread, else of the one that crashed, else of the current one."""
    having = _having_stacks(threads)
    if thread_id is not None:
        for thread in having:
            if thread.get("id") == thread_id:
                return thread["stacktrace"]
    for flag in ("crashed", "current"):
        for thread in having:
            if thread.get(flag) is True:
                return thread["stacktrace"]
    return None
