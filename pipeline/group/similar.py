"""The best of a bucket's candidates, by rapidfuzz."""

from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel


class Best(NamedTuple):
    """The place of the best candidate and how alike it is, as a share of 1."""

    place: int
    score: float


def best_stack(
    frames: tuple[str, ...], candidates: Sequence[tuple[str, ...]], cutoff: float
) -> Best | None:
    """Return the stack with the most frames in common, in order; the earlier of equals."""
    found = process.extractOne(
        frames, candidates, scorer=Indel.normalized_similarity, score_cutoff=cutoff
    )
    return None if found is None else Best(found[2], found[1])


def best_message(text: str, candidates: Sequence[str], cutoff: float) -> Best | None:
    """Return the most similar message, the cutoff in percent; the earlier of equals."""
    found = process.extractOne(text, candidates, scorer=fuzz.ratio, score_cutoff=cutoff)
    return None if found is None else Best(found[2], found[1] / 100)
