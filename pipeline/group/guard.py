"""Whether two messages that look alike may be one group: plain words are the meaning.

``opened`` and ``closed`` make a high ratio and opposite groups, so similarity may only bridge
tokens that are not plain words: names with digits, signs or mixed case.
"""

import re
from collections.abc import Sequence

from rapidfuzz.distance import Indel

_PLAIN = re.compile(r"[a-z']+|[A-Z][a-z']+|[A-Z]+")


def is_plain(token: str) -> bool:
    """Tell a plain word, which carries meaning, from a name or a value."""
    return _PLAIN.fullmatch(token) is not None


def refuses(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether a plain word, on either side, is among the tokens that differ."""
    return any(
        any(map(is_plain, one[op.src_start : op.src_end]))
        or any(map(is_plain, other[op.dest_start : op.dest_end]))
        for op in Indel.opcodes(one, other)
        if op.tag != "equal"
    )
