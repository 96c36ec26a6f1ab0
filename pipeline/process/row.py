"""The row of table ``events``: what an event says, in the columns that people search."""

from typing import Any, Final, Literal

import msgspec

from pipeline.frames.users import user_hash
from pipeline.model.group import CanonicalKey
from pipeline.model.grouped import Grouped
from pipeline.model.novel import Novel
from pipeline.model.stage import Record
from pipeline.process import overflow
from pipeline.process.event import Fault, Head, user_id_of
from pipeline.process.key import VERSION
from pipeline.process.limits import stored
from pipeline.process.normalise import template
from pipeline.process.stacks import MAX_TEXT
from pipeline.process.stacks.frame import shown_path, top
from pipeline.process.times import at
from pipeline.process.values import dumps, mapping, number, text, words

MAX_MESSAGE: Final = 8192
MAX_BREADCRUMBS: Final = 64 * 1024
_MOST_TAGS: Final = 50
_MOST_CRUMBS: Final = 100
# In columns of their own, or of no use to whoever looks at one event.
_ELSEWHERE: Final = words(
    "schema kind event_id timestamp received project service environment release level "
    "platform message logentry exception stacktrace threads tags breadcrumbs contexts "
    "fingerprint sample_weight session_id trace modules sdk debug_meta server_name source"
)


class Fact(msgspec.Struct, frozen=True, gc=False):
    """An error event with all that its row is made of; ``user`` is who is shown and counted."""

    head: Head
    fault: Fault
    body: dict[str, Any]
    key: CanonicalKey
    fingerprint: str
    ts_ms: int
    user: tuple[str, int]
    record: Record
    rule: str = ""


def novel_of(fact: Fact, weight: float, part: Literal["whole", "count", "row"]) -> Novel:
    """Return an event as the owner of its group needs it."""
    how = "rule" if fact.rule else ""
    row = grouped_row(fact, group_id=fact.fingerprint, how=how, weight=weight)
    is_other = fact.rule == overflow.RULE
    shown = overflow.TITLE if is_other else template(fact.fault.pattern)
    return Novel(
        key=fact.key,
        template=shown,
        title=shown if is_other else title_of(row.error_type, shown, row.culprit),
        user_hash=fact.user[1],
        received_ms=fact.record.timestamp_ms,
        row=row,
        part=part,
    )


def grouped_row(fact: Fact, *, group_id: str, how: str, weight: float) -> Grouped:
    """Return the row of an error event."""
    head, fault, body = fact.head, fact.fault, fact.body
    raised = fault.raised
    shown = top(raised.stack.frames)
    path = shown_path(shown.path) if shown else ""
    request = mapping(body.get("request"))
    contexts = mapping(body.get("contexts"))
    trace = mapping(body.get("trace")) or mapping(contexts.get("trace"))
    sdk = mapping(body.get("sdk"))
    return Grouped(
        event_id=head.event_id,
        ts=at(fact.ts_ms),
        received_at=at(fact.record.timestamp_ms),
        project=head.project,
        service=head.service,
        environment=head.environment,
        release=head.release,
        level=fault.level,
        platform=fault.platform,
        group_id=group_id,
        fingerprint=fact.fingerprint,
        grouping_version=VERSION,
        group_how=how,
        group_rule=fact.rule,
        error_type=raised.type,
        message=fault.message[:MAX_MESSAGE],
        culprit=_culprit(shown.function if shown else "", path, body),
        file=path,
        stack=_stack(raised.stack.text, raised.causes),
        handled=raised.handled,
        user_id=fact.user[0],
        session_id=text(body.get("session_id"), 64),
        trace_id=text(trace.get("trace_id"), 32),
        span_id=text(trace.get("span_id"), 16),
        http_method=text(request.get("method"), 16),
        http_route=text(body.get("transaction"), 200),
        http_status=_status(contexts),
        url=text(request.get("url"), 2048),
        host=text(body.get("server_name"), 256),
        sdk=f"{text(sdk.get('name'))}/{text(sdk.get('version'))}" if sdk.get("name") else "",
        sample_weight=weight,
        tags=_tags(body.get("tags")),
        contexts=_contexts(body, contexts, fault.logged),
        breadcrumbs=_breadcrumbs(body.get("breadcrumbs")),
        raw_partition=fact.record.partition,
        raw_offset=fact.record.offset,
    )


def title_of(error_type: str, template: str, culprit: str) -> str:
    """Return what an issue is called."""
    first = template.split("\n", 1)[0][:200]
    if not error_type:
        return first
    return f"{error_type}: {first or culprit}" if first or culprit else error_type


def user_of(body: dict[str, Any], clean: dict[str, Any]) -> tuple[str, int]:
    """Return who was affected and the hash to count them by.

    Where scrubbing took the id (a mail address), the hash stands in its place, so that users can
    still be told apart.
    """
    user_id = user_id_of(body)
    counted = user_hash(user_id)
    shown = user_id if clean is body else user_id_of(clean)
    return (shown if shown == user_id else f"hash:{counted:016x}"), counted


def _culprit(function: str, path: str, body: dict[str, Any]) -> str:
    """Return where it happened: function and file, else the transaction."""
    if function and path:
        return f"{function} in {path}"
    return function or path or text(body.get("transaction"))


def _stack(stack: str, causes: str) -> str:
    """Return the stack's text with its causes, at most 64 KiB."""
    return f"{stack}\n{causes}"[:MAX_TEXT] if causes else stack


def _status(contexts: dict[str, Any]) -> int:
    """Return the status of the response that went with the error."""
    status = number(mapping(contexts.get("response")).get("status_code"))
    return int(status) if status is not None and 0 <= status < 1000 else 0


def _tags(tags: Any) -> dict[str, str]:
    """Return tags as texts of bounded length and number."""
    if not tags:
        return {}
    pairs = list(mapping(tags).items())[:_MOST_TAGS]
    return {key[:32]: text(value) for key, value in pairs if value is not None}


def _contexts(body: dict[str, Any], contexts: dict[str, Any], logged: str) -> str:
    """Return contexts and every field without a column as JSON text."""
    rest = {key: value for key, value in body.items() if key not in _ELSEWHERE and value}
    if logged:
        rest["message"] = logged
    return stored(contexts, rest)


def _breadcrumbs(crumbs: Any) -> str:
    """Return the newest breadcrumbs as JSON text, as many as have room."""
    values = crumbs.get("values") if isinstance(crumbs, dict) else crumbs
    if not isinstance(values, list) or not values:
        return ""
    kept = values[-_MOST_CRUMBS:]
    while len(found := dumps(kept)) > MAX_BREADCRUMBS and len(kept) > 1:
        kept = kept[len(kept) // 2 :]
    return found if len(found) <= MAX_BREADCRUMBS else ""
