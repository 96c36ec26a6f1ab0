"""From an event with an unknown fingerprint to its group, decided once and for all.

In come events and marks of ``events.novel`` and what people did (``actions``), out go the row with
its group (``events.grouped``), the decision and the issue's state (``groups``), a signal for an
issue that is new or came back, and the group's share of ``frames``. Everything is one transaction,
so a group is never founded twice.

Where people merged a group into one of another owner, its events go on to that owner, decided:
only it knows whether the issue is at rest.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from pipeline.frames.combine import Combiner
from pipeline.frames.progress import MARK_TOPIC, is_mark, read_mark
from pipeline.group import actions, registry, signals
from pipeline.group.decision import History, Verdict
from pipeline.group.owner import Followed, Owner
from pipeline.group.registry import Kept, Registry
from pipeline.group.settings import GroupSettings
from pipeline.model.group import Decision, GroupRecord, How, IssueState
from pipeline.model.grouped import Grouped
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable

INPUT: Final = MARK_TOPIC
# Header of an event that another owner decided; its value is how often it was passed on.
DECIDED: Final = "decided"
# People may merge in circles across owners at the same moment: an event has to come to rest.
MOST_HOPS: Final = 8

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
        self._owners: dict[int, Owner] = {}
        self._decided: Counter[How] = Counter()
        self._acted: Counter[str] = Counter()
        self._complaints: list[str] = []

    def recall(self, record: Record) -> None:
        """Take one record of ``groups``; which ones are ours is known at ``assign``."""
        self._registry.recall(record)

    def assign(self, positions: dict[Source, int]) -> None:
        """Build the histories of the (service, type)s that this worker owns."""
        owned = {source.partition for source in positions if source.topic == INPUT}
        for item in self._registry.take(owned):
            if isinstance(item, Kept):
                self._owner(item.partition).recall(item.record)
            elif isinstance(item, str):
                self._complaints.append(item)
            else:
                decision, key = item
                self._history(decision.project, key.service, key.error_type).replay(decision, key)

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Decide one event, take a mark or fold an action in; raises Unreadable."""
        if record.topic == actions.TOPIC:
            return self._act(record)
        self._sums.progress.read(record.partition, record.offset)
        if is_mark(record):
            self._sums.progress.pass_on(record.partition, read_mark(record.value), self._n_raw)
            return ()
        hops = record.header(DECIDED)
        novel = self._read(record, is_decided=hops is not None)
        if hops is not None:
            return self._settle(novel, record.partition, now, int(hops))
        return self._place(novel, record.partition, now)

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Write the batch's frames; silent partitions move by the marks that ``process`` sends."""
        del caught_up
        for complaint in self._complaints:
            yield Note("state_unreadable", level="error", log={"problem": complaint})
        for how, n in self._decided.items():
            yield Note("decisions", {"how": how}, n)
        for kind, n in self._acted.items():
            yield Note("actions", {"kind": kind}, n)
        self._complaints, self._decided, self._acted = [], Counter(), Counter()
        for partition, owner in self._owners.items():
            yield from _kept(owner, partition, now)
        yield from self._sums.drain((now - _EPOCH) // _MS)

    def _read(self, record: Record, *, is_decided: bool) -> Novel:
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
        if is_decided:
            if self._owner(record.partition).issues.get(novel.row.group_id) is None:
                text = f"was decided to be of {novel.row.group_id}, which is not known here"
                raise Unreadable("novel_misplaced", text)
        elif owner != record.partition:
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

    def _owner(self, partition: int) -> Owner:
        """Return the owner of a partition's issues."""
        owner = self._owners.get(partition)
        if owner is None:
            owner = self._owners[partition] = Owner(partition, self._partitions)
        return owner

    def _act(self, record: Record) -> list[Output]:
        """Fold an action in; raises Unreadable."""
        action = actions.read(record.value)
        if action is None:
            return []
        followed = self._owner(record.partition).act(action)
        if followed.applied is not None:
            self._acted[type(action).__name__.lower()] += 1
        return self._published(followed, record.partition)

    def _place(self, novel: Novel, partition: int, now: datetime) -> list[Output]:
        """Decide an event's group and return all that follows."""
        row, key = novel.row, novel.key
        history = self._history(row.project, key.service, key.error_type)
        given: How = "rule" if row.group_how == "rule" else "client"
        verdict = history.decide(row.fingerprint, key, given)
        self._decided[verdict.how] += 1
        issues = self._owner(partition).issues
        outputs: list[Output] = []
        if issues.get(verdict.group_id) is None:
            state = issues.open(novel, verdict.group_id, now)
            outputs += self._published(Followed([state], [signals.new(state)]), partition)
        merged = issues.merge(verdict.merged, verdict.root, now)
        outputs += self._published(
            Followed(merged, [signals.new(each) for each in merged]), partition
        )
        if verdict.how != "exact":
            outputs.append(_registered(_decision(novel, verdict, history.seq), partition))
        row = replace(
            row,
            group_id=verdict.group_id,
            group_how=verdict.how,
            group_score=verdict.score,
            group_runner_up=verdict.runner_up,
            group_guard=verdict.guard,
        )
        return outputs + self._settle(replace(novel, row=row), partition, now, 0)

    def _settle(self, novel: Novel, partition: int, now: datetime, hops: int) -> list[Output]:
        """Wake and count the issue that stands for a decided event's group, or pass it on."""
        owner = self._owner(partition)
        issue = owner.issues.root(novel.row.group_id)
        assert issue is not None
        row = replace(novel.row, group_id=issue.merged_into or issue.group_id)
        if issue.merged_into and hops < MOST_HOPS:
            home = partition_of(self._partitions, issue.root_service, issue.root_type)
            value = _encode(replace(novel, row=row))
            return [Sent(INPUT, value, None, home, ((DECIDED, b"%d" % (hops + 1)),))]
        outputs: list[Output] = []
        if novel.part != "row":
            outputs += self._published(owner.wake(issue, novel, now), partition)
            self._count(novel, row, issue)
        if novel.part != "count":
            outputs.append(Sent("events.grouped", _encode(row), row.group_id.encode()))
        return outputs

    def _count(self, novel: Novel, row: Grouped, issue: IssueState) -> None:
        """Count the event in its group."""
        self._sums.issue(
            row.project,
            row.service,
            row.environment,
            (row.ts - _EPOCH) // _MS,
            group_id=row.group_id,
            title=issue.title,
            event_id=row.event_id,
            handled=row.handled,
            user=novel.user_hash,
        )

    def _published(self, followed: Followed, partition: int) -> list[Output]:
        """Return the new states of issues, the action behind them and the signals of them."""
        outputs: list[Output] = [_registered(state, partition) for state in followed.states]
        if followed.applied is not None:
            outputs.append(_registered(followed.applied, partition))
        for signal in followed.signals:
            home = partition_of(self._partitions, signal.service, signal.environment)
            outputs.append(Sent("signals", _encode(signal), signal.signal_id.encode(), home))
        return outputs


def _kept(owner: Owner, partition: int, now: datetime) -> Iterable[Sent]:
    """Return what an owner counted since the last batch, and what it forgets."""
    for group_id, tally in owner.tallies():
        key = registry.tally_key(group_id)
        yield Sent(registry.TOPIC, _encode(tally) if tally else None, key, partition)
    for action_id in owner.forgotten(now):
        yield Sent(registry.TOPIC, None, registry.applied_key(action_id), partition)


def _registered(record: GroupRecord, partition: int) -> Sent:
    """Return a record of the registry, in the partition of its owner."""
    return Sent(registry.TOPIC, _encode(record), registry.key_of(record), partition)


def _decision(novel: Novel, verdict: Verdict, seq: int) -> Decision:
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
        merged_into="" if verdict.root == verdict.group_id else verdict.root,
        canonical_key=_encode(novel.key).decode(),
        seq=seq,
        first_seen=row.ts,
        wildcards=list(verdict.wildcards),
    )
