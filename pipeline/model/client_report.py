"""Topic ``client-reports``: what clients and the gateway lost or refused, as they say."""

from datetime import datetime

import msgspec


class ClientReport(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity that never became an event; becomes a row of ``outcomes``, origin client."""

    report_id: str
    hour: datetime
    project: str
    service: str
    kind: str
    outcome: str
    reason: str
    quantity: int
