"""The wording of notices; every text comes from outside and is made harmless here."""

import re
from collections.abc import Sequence

from pipeline.model.notification import AlertLine, Notification

SHOWN = 10
# Controls except newline and tab, and what turns the direction of a line around.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def cut(text: str, limit: int) -> str:
    """Return text without control characters, at most ``limit`` characters long."""
    clean = _CONTROLS.sub("", text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def one_line(text: str, limit: int) -> str:
    """Return text as one line: a line break in a subject would start another header."""
    return cut(" ".join(text.split()), limit)


def headline(note: Notification) -> str:
    """Return the notice in one line."""
    lines = [a for a in note.alerts if a.state == note.status]
    first = lines[0].title if lines else note.alert_group
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"[{note.status.upper()}] {first}{more}"


def number(value: float | None) -> str:
    """Return a value for people."""
    return "no data" if value is None else f"{value:.4g}"


def limit(line: AlertLine) -> str:
    """Return what the value is compared with; empty for conditions without a threshold."""
    return f"{line.op} {line.threshold:g}" if line.op else ""


def details(line: AlertLine) -> list[str]:
    """Return what is known of one alert, a line each."""
    text = [f"{line.state.upper()} {line.title}"]
    if line.op:
        window = f" over {line.window_s // 60} min" if line.window_s else ""
        text.append(f"Value {number(line.value)}, threshold {limit(line)}{window}")
    if line.denominator:
        text.append(f"{line.numerator} of {line.denominator} requests")
    if line.explanation:
        text.append(line.explanation)
    text.append(f"Started {line.started_at:%Y-%m-%d %H:%M:%S} UTC, as of {line.as_of:%H:%M:%S} UTC")
    return text


def body(note: Notification) -> str:
    """Return the whole notice as text."""
    parts = ["\n".join(details(line)) for line in note.alerts[:SHOWN]]
    if len(note.alerts) > SHOWN:
        parts.append(f"… and {len(note.alerts) - SHOWN} more")
    parts += tail(note)
    return "\n\n".join(parts)


def tail(note: Notification) -> Sequence[str]:
    """Return what follows the alerts: top issues, links, how to silence."""
    parts = []
    if note.top:
        parts.append("\n".join(["Top issues:", *(f"{i.n} x {i.title}" for i in note.top)]))
    if note.links:
        parts.append("\n".join(f"{name}: {url}" for name, url in sorted(note.links.items())))
    if note.silence_command:
        parts.append(f"Silence: {note.silence_command}")
    return parts
