"""Which of two releases is the later one, as far as their names tell."""

import re
from typing import Final, NamedTuple

_SHAPE: Final = re.compile(r"(?:([^@]*)@)?v?(\d+(?:\.\d+)*)(?:-([^+]*))?(?:\+.*)?")
_PIECE: Final = re.compile(r"\d+|[^\d.-]+")


class _Order(NamedTuple):
    """What orders the releases of one name; a pre-release comes before its release."""

    numbers: tuple[int, ...]
    final: bool
    pieces: tuple[tuple[bool, int, str], ...]


def is_same_or_later(release: str, than: str) -> bool:
    """Tell whether a release is this one or a later one; names without an order are only equal."""
    if release == than:
        return True
    one, other = _SHAPE.fullmatch(release), _SHAPE.fullmatch(than)
    if one is None or other is None or one[1] != other[1]:
        return False
    return _order(one) >= _order(other)


def _order(found: re.Match[str]) -> _Order:
    """Return what a release is ordered by: 1.2 is 1.2.0."""
    numbers = [int(number) for number in found[2].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    pieces = tuple(
        (not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece)
        for piece in _PIECE.findall(found[3] or "")
    )
    return _Order(tuple(numbers), found[3] is None, pieces)
