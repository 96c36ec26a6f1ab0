"""Dead letters: where each came from, why, and where its bytes are."""

from typing import Any

from pipeline.store.clickhouse import Client

_LIST = """
SELECT failed_at, stage, reason, error, src_topic, src_partition, src_offset, src_end,
  dead_partition, dead_offset, payload_bytes, attempts
FROM tocsin.dead_letters FINAL
WHERE ({stage:String} = '' OR stage = {stage:String})
  AND ({reason:String} = '' OR reason = {reason:String})
ORDER BY failed_at DESC, src_topic, src_partition, src_offset DESC LIMIT {limit:UInt16}
"""


def dead_letters(
    client: Client, *, stage: str = "", reason: str = "", limit: int = 50
) -> list[dict[str, Any]]:
    """Return the newest dead letters; raises StoreAway."""
    return client.rows(_LIST, {"stage": stage, "reason": reason, "limit": limit})
