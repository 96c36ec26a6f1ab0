"""What an answer means: the one table of HTTP statuses and SMTP codes."""

from enum import StrEnum

from pipeline.notify.exchange import Reply


class Outcome(StrEnum):
    """What becomes of a notification after an attempt."""

    SENT = "sent"
    RETRY = "retry"
    REFUSED = "refused"
    BROKEN = "broken"


# Everything else of 4xx says that this payload will never be taken.
_LATER = frozenset({408, 425, 429})
# The address or the credentials are wrong: so is every other notice until somebody mends them.
_BROKEN = frozenset({401, 403, 404, 407, 410})


def of_http(reply: Reply) -> Outcome:
    """Return what an HTTP answer means; redirects are not followed, so the address is wrong."""
    if reply.failure:
        return Outcome.RETRY if reply.failure in {"network", "timeout"} else Outcome.BROKEN
    status = reply.status
    if 200 <= status < 300:
        return Outcome.SENT
    if status in _BROKEN or 300 <= status < 400:
        return Outcome.BROKEN
    if 400 <= status < 500 and status not in _LATER:
        return Outcome.REFUSED
    return Outcome.RETRY


def of_smtp(reply: Reply) -> Outcome:
    """Return what an SMTP server's answer means: 4xx is for later, 5xx final."""
    if reply.failure:
        return Outcome.RETRY if reply.failure in {"network", "timeout"} else Outcome.BROKEN
    if 200 <= reply.status < 300:
        return Outcome.SENT
    return Outcome.REFUSED if 500 <= reply.status < 600 else Outcome.RETRY
