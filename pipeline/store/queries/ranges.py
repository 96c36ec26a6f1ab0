"""The ranges of time that a view can show, and how wide its buckets are."""

from typing import Literal, NamedTuple

Range = Literal["1h", "6h", "24h", "7d", "30d"]


class Span(NamedTuple):
    """A range in seconds and the width of a bucket in it."""

    seconds: int
    bucket_s: int


SPANS: dict[Range, Span] = {
    "1h": Span(3600, 60),
    "6h": Span(6 * 3600, 300),
    "24h": Span(86_400, 900),
    "7d": Span(7 * 86_400, 7200),
    "30d": Span(30 * 86_400, 21_600),
}
