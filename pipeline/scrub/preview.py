"""What may be shown of bytes that nobody could use."""

from typing import Final

import orjson

from pipeline.scrub.walk import scrub

PREVIEW: Final = 200
LOOKED_AT: Final = 65_536


def preview_of(payload: bytes) -> dict[str, str]:
    """Return the beginning of a payload without secrets, and whose it seems to be."""
    head = payload[:LOOKED_AT]
    try:
        body = orjson.loads(head)
    except orjson.JSONDecodeError:
        return {"preview": scrub(head.decode("utf-8", errors="replace"))[:PREVIEW]}
    shown = scrub(body)
    preview = orjson.dumps(shown).decode()[:PREVIEW]
    if not isinstance(body, dict):
        return {"preview": preview}
    owner = {name: str(shown.get(name) or "")[:PREVIEW] for name in ("project", "service")}
    return {"preview": preview, **owner}
