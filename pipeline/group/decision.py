"""Which group a novel key belongs to, and why: the owner's decision for one (service, type).

The order is fixed: a known fingerprint, then for stacks the most similar stack with the same top
frame, for messages a promoted wildcard and then guarded similarity, and else a new group. A
decision depends on nothing but the key and the ordered history of decisions before it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.group.guard import refuses
from pipeline.group.index import Bucket, Entry, Index, first_word
from pipeline.group.settings import GroupSettings
from pipeline.group.siblings import Hole, Siblings, holes_of
from pipeline.group.similar import best_message, best_stack
from pipeline.model.group import CanonicalKey, Decision, Guard, How

# Shorter messages are too alike to be compared by their letters.
FEWEST_TOKENS = 4
# Comparing takes time by the square of the length: a longer message is only ever equal.
MOST_LETTERS = 1_000


class Verdict(NamedTuple):
    """A decision with its reasons; scores are shares of 1.

    ``wildcards`` are the positions that became wildcards, ``merged`` the groups that therefore
    joined ``root``. ``group_id`` may be one of them: it is the group before the merge, as a replay
    has to learn it.
    """

    group_id: str
    how: How
    score: float = 0.0
    runner_up: str = ""
    runner_up_score: float = 0.0
    guard: Guard = ""
    wildcards: tuple[int, ...] = ()
    merged: tuple[str, ...] = ()
    root: str = ""


class _Match(NamedTuple):
    """What the search found; no group means that a new one is founded."""

    how: How
    group: int | None = None
    score: float = 0.0
    runner_up: int | None = None
    runner_up_score: float = 0.0
    guard: Guard = ""


class _Candidate(NamedTuple):
    """What a search of a bucket found."""

    group: int | None
    score: float
    entry: str = ""


_NOBODY = _Candidate(None, 0.0)


class History:
    """Everything decided for one (project, service, type), in order.

    Groups are numbered by age, so the oldest of several is the smallest.
    """

    def __init__(self, settings: GroupSettings) -> None:
        self._settings = settings
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._fingerprints: dict[str, int] = {}
        self._merged: dict[int, int] = {}
        self._stacks: Index[tuple[str, ...]] = Index(settings.bucket)
        self._messages: Index[str] = Index(settings.bucket)
        self._siblings = Siblings(settings.siblings, self._root)
        self.seq = 0

    def decide(self, fingerprint: str, key: CanonicalKey, given: How = "client") -> Verdict:
        """Return the group of a key and learn from it; ``given`` says who set a client key."""
        known = self._fingerprints.get(fingerprint)
        if known is not None:
            # The group as it was learnt: people may have taken it out of its root again.
            return Verdict(self._ids[known], "exact", root=self._ids[self._root(known)])
        holes = _holes(key)
        match = self._match(key, holes, given)
        # The number that a new group would get: it has to stand among its siblings first.
        group = len(self._ids) if match.group is None else match.group
        due = () if match.how == "wildcard" else tuple(self._siblings.due(holes, group))
        if match.group is None and due:
            match = match._replace(how="wildcard", score=1.0)
            group = self._siblings.oldest(holes, due)
        elif match.group is None:
            group = self._enrol(fingerprint)
        merged = self._learn(fingerprint, key, holes, group, due)
        self.seq += 1
        return Verdict(
            group_id=self._ids[group],
            how=match.how,
            score=match.score,
            runner_up="" if match.runner_up is None else self._ids[match.runner_up],
            runner_up_score=match.runner_up_score,
            guard=match.guard,
            wildcards=due,
            merged=tuple(self._ids[number] for number in merged),
            root=self._ids[self._root(group)],
        )

    def replay(self, decision: Decision, key: CanonicalKey) -> None:
        """Learn a recorded decision; decisions come in the order of their ``seq``."""
        holes = _holes(key)
        group = self._enrol(decision.group_id)
        self._learn(decision.fingerprint, key, holes, group, decision.wildcards)
        self.seq = max(self.seq, decision.seq)

    def _match(self, key: CanonicalKey, holes: Sequence[Hole], given: How) -> _Match:
        """Search the history for a key that was never seen."""
        if key.kind == "client":
            return _Match(given)
        if key.kind == "stack":
            return self._match_stack(key)
        promoted = self._siblings.promoted(holes)
        if promoted is not None:
            return _Match("wildcard", self._root(promoted), 1.0)
        return self._match_message(key)

    def _match_stack(self, key: CanonicalKey) -> _Match:
        """Compare a stack with those of the same top frame."""
        best = self._search_stacks(key)
        if best is None:
            return _Match("founder")
        second = self._search_stacks(key, without=best.group) or _NOBODY
        return _Match("similar", best.group, best.score, second.group, second.score)

    def _search_stacks(self, key: CanonicalKey, without: int | None = None) -> _Candidate | None:
        """Return the most similar stack of the bucket, if it is similar enough."""
        bucket = self._stacks.get(_stack_bucket(key))
        if bucket is None:
            return None
        entries, groups = self._candidates(bucket, without)
        best = best_stack(key.parts, entries, self._settings.stack_cutoff)
        return best and _Candidate(self._root(groups[best.place]), best.score)

    def _match_message(self, key: CanonicalKey) -> _Match:
        """Compare a message with those of about its length and the same first word."""
        text = " ".join(key.parts)
        if len(key.parts) < FEWEST_TOKENS or len(text) > MOST_LETTERS:
            return _Match("founder")
        best = self._search_messages(key, text)
        if best is None:
            return _Match("founder")
        if refuses(key.parts, best.entry.split(" ")):
            return _Match("founder", None, 0.0, best.group, best.score, "refused")
        second = self._search_messages(key, text, without=best.group) or _NOBODY
        return _Match("similar", best.group, best.score, second.group, second.score, "passed")

    def _search_messages(
        self, key: CanonicalKey, text: str, without: int | None = None
    ) -> _Candidate | None:
        """Return the most similar message; a bucket of another length must beat the score."""
        found: _Candidate | None = None
        for size in (len(key.parts), len(key.parts) - 1, len(key.parts) + 1):
            bucket = self._messages.get(_message_bucket(key, size))
            if bucket is None:
                continue
            entries, groups = self._candidates(bucket, without)
            best = best_message(text, entries, self._settings.message_cutoff)
            if best is not None and (found is None or best.score > found.score):
                group = self._root(groups[best.place])
                found = _Candidate(group, best.score, entries[best.place])
        return found

    def _candidates(
        self, bucket: Bucket[Entry], without: int | None
    ) -> tuple[list[Entry], list[int]]:
        """Return the entries of a bucket and their groups, all or without one group's."""
        if without is None:
            return bucket.entries, bucket.groups
        places = [i for i, n in enumerate(bucket.groups) if self._root(n) != without]
        return [bucket.entries[i] for i in places], [bucket.groups[i] for i in places]

    def _learn(
        self,
        fingerprint: str,
        key: CanonicalKey,
        holes: Sequence[Hole],
        group: int,
        wildcards: Sequence[int],
    ) -> list[int]:
        """Take a decision into the indexes; return the groups it merged into another."""
        self._fingerprints[fingerprint] = group
        if key.kind == "stack":
            self._stacks.add(_stack_bucket(key), key.parts, group)
        elif key.kind == "message":
            text = " ".join(key.parts)
            if len(text) <= MOST_LETTERS:
                self._messages.add(_message_bucket(key, len(key.parts)), text, group)
            if wildcards:
                return self._merge(self._siblings.promote(holes, wildcards, group))
            self._siblings.add(holes, group)
        return []

    def _merge(self, joined: set[int]) -> list[int]:
        """Make one group of these, under the oldest; return the others."""
        oldest = min(joined)
        losers = sorted(joined - {oldest})
        self._merged.update(dict.fromkeys(losers, oldest))
        return losers

    def _enrol(self, group_id: str) -> int:
        """Return the number of a group, a new one for a new group."""
        number = self._numbers.get(group_id)
        if number is None:
            number = self._numbers[group_id] = len(self._ids)
            self._ids.append(group_id)
        return number

    def _root(self, number: int) -> int:
        """Return the group that this one is by now."""
        while (into := self._merged.get(number)) is not None:
            # Each step halves the rest of the way for the next one who asks.
            self._merged[number] = self._merged.get(into, into)
            number = into
        return number


def _holes(key: CanonicalKey) -> list[Hole]:
    """Return the holes of a message; stacks and clients' keys have no siblings."""
    return holes_of(key.parts, key.refine) if key.kind == "message" else []


def _stack_bucket(key: CanonicalKey) -> tuple[str, ...]:
    """Return what a stack shares with its candidates."""
    return (key.parts[0], *key.refine)


def _message_bucket(key: CanonicalKey, size: int) -> tuple[str, ...]:
    """Return what a message shares with its candidates of a length."""
    return (str(size), first_word(key.parts), *key.refine)
