"""From an event with an unknown fingerprint to its group, decided once and for all.

In come events and marks of ``events.novel``, out go the row with its group (``events.grouped``),
the decision and the issue's state (``groups``), a signal for a new issue and the group's share of
``frames``. Everything is one transaction, so a group is never founded twice.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from pipeline.frames.combine import Combiner
from pipeline.frames.progress import MARK_TOPIC, is_mark, read_mark
from pipeline.group import registry, signals
from pipeline.group.decision import History, Verdict
from pipeline.group.issues import Issues
from pipeline.group.registry import Registry
from pipeline.group.settings import GroupSettings
from pipeline.model.group import Decision, GroupRecord, How, IssueState
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.signal import Signal
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable

INPUT: Final = MARK_TOPIC

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_novel = msgspec.json.Decoder(Novel)
_encode = msgspec.json.encode


class GroupStage:
    """The owner of the groups of its partitions' (service, error type)s."""

    def __init__(
        self, *, settings: GroupSettings, window_s: int, partitions: int, n_raw: int
    ) -> None:
        self._settings = settings
        self._partitions = partitions
        self._n_raw = n_raw
        self._sums = Combiner(
            stage="group",
            window_s=window_s,
            partitions=partitions,
            n_sources=partitions,
        )
        self._registry = Registry()
        self._histories: dict[tuple[str, str, str], History] = {}
        self._issues = Issues()
        self._decided: Counter[How] = Counter()
        self._complaints: list[str] = []

    def recall(self, record: Record) -> None:
        """Take one record of ``groups``; which ones are ours is known at ``assign``."""
        self._registry.recall(record)

    def assign(self, positions: dict[Source, int]) -> None:
        """Build the histories of the (service, type)s that this worker owns."""
        owned = {source.partition for source in positions if source.topic == INPUT}
        for item in self._registry.take(owned):
            if isinstance(item, IssueState):
                self._issues.recall(item)
            elif isinstance(item, str):
                self._complaints.append(item)
            else:
                decision, key = item
                self._history(decision.project, key.service, key.error_type).replay(decision, key)

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Decide one event, or take a mark; raises Unreadable."""
        self._sums.progress.read(record.partition, record.offset)
        if is_mark(record):
            self._sums.progress.pass_on(record.partition, read_mark(record.value), self._n_raw)
            return ()
        novel = self._read(record)
        return self._place(novel, record.partition, now)

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Write the batch's frames; silent partitions move by the marks that ``process`` sends."""
        del caught_up
        for complaint in self._complaints:
            yield Note("state_unreadable", level="error", log={"problem": complaint})
        for how, n in self._decided.items():
            yield Note("decisions", {"how": how}, n)
        self._complaints, self._decided = [], Counter()
        yield from self._sums.drain((now - _EPOCH) // _MS)

    def _read(self, record: Record) -> Novel:
        """Return the event; raises Unreadable for a broken one and for one of another owner."""
        try:
            novel = _novel.decode(record.value or b"")
        except msgspec.MsgspecError as error:
            raise Unreadable("novel_broken", f"not an event of process: {error}") from error
        if not novel.key.parts:
            raise Unreadable("novel_broken", "the canonical key has no parts: nothing to group by")
        if novel.row.ts.tzinfo is None:
            raise Unreadable("novel_broken", "the row's ts has no time zone: write it with Z")
        owner = partition_of(self._partitions, novel.key.service, novel.key.error_type)
        if owner != record.partition:
            text = f"belongs to partition {owner}, the owner of its service and type; send it there"
            raise Unreadable("novel_misplaced", text)
        return novel

    def _history(self, project: str, service: str, error_type: str) -> History:
        """Return the history of a (project, service, type)."""
        history = self._histories.get((project, service, error_type))
        if history is None:
            history = History(self._settings)
            self._histories[project, service, error_type] = history
        return history

    def _place(self, novel: Novel, partition: int, now: datetime) -> list[Output]:
        """Decide an event's group and return all that follows."""
        row, key = novel.row, novel.key
        history = self._history(row.project, key.service, key.error_type)
        given: How = "rule" if row.group_how == "rule" else "client"
        verdict = history.decide(row.fingerprint, key, given)
        self._decided[verdict.how] += 1
        outputs: list[Output] = []
        if self._issues.get(verdict.group_id) is None:
            state = self._issues.open(novel, verdict.group_id, now)
            outputs += self._published(state, partition, signals.new(state))
        for merged in self._issues.merge(verdict.merged, verdict.root, now):
            outputs += self._published(merged, partition, signals.new(merged))
        issue = self._issues.get(verdict.group_id)
        assert issue is not None
        reopened = self._issues.regress(issue, row.ts, now)
        if reopened is not None:
            outputs += self._published(reopened, partition, signals.regressed(reopened))
        if verdict.how != "exact":
            decision = _decision(novel, verdict, issue.group_id, history.seq)
            outputs.append(_registered(decision, partition))
        outputs.append(self._grouped(novel, verdict, issue))
        return outputs

    def _grouped(self, novel: Novel, verdict: Verdict, issue: IssueState) -> Sent:
        """Count the event in its group, and return its row."""
        row = replace(
            novel.row,
            group_id=issue.group_id,
            group_how=verdict.how,
            group_score=verdict.score,
            group_runner_up=verdict.runner_up,
            group_guard=verdict.guard,
        )
        self._sums.issue(
            row.project,
            row.service,
            row.environment,
            (row.ts - _EPOCH) // _MS,
            group_id=issue.group_id,
            title=issue.title,
            event_id=row.event_id,
            handled=row.handled,
            user=novel.user_hash,
        )
        return Sent("events.grouped", _encode(row), issue.group_id.encode())

    def _published(self, state: IssueState, partition: int, signal: Signal) -> list[Sent]:
        """Return an issue's new state and the signal of it."""
        home = partition_of(self._partitions, signal.service, signal.environment)
        told = Sent("signals", _encode(signal), signal.signal_id.encode(), home)
        return [_registered(state, partition), told]


def _registered(record: GroupRecord, partition: int) -> Sent:
    """Return a record of the registry, in the partition of its owner."""
    key = (
        registry.decision_key(record.fingerprint)
        if isinstance(record, Decision)
        else registry.issue_key(record.group_id)
    )
    return Sent(registry.TOPIC, _encode(record), key, partition)


def _decision(novel: Novel, verdict: Verdict, root: str, seq: int) -> Decision:
    """Return the record of a decision."""
    row = novel.row
    return Decision(
        project=row.project,
        service=novel.key.service,
        error_type=novel.key.error_type,
        fingerprint=row.fingerprint,
        group_id=verdict.group_id,
        grouping_version=row.grouping_version,
        how=verdict.how,
        rule=row.group_rule,
        score=verdict.score,
        runner_up=verdict.runner_up,
        runner_up_score=verdict.runner_up_score,
        guard=verdict.guard,
        merged_into="" if root == verdict.group_id else root,
        canonical_key=_encode(novel.key).decode(),
        seq=seq,
        first_seen=row.ts,
        wildcards=list(verdict.wildcards),
    )
