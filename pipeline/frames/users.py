"""Users are counted by a hash of their id, so that frames hold integers and no personal data."""

from functools import lru_cache
from hashlib import blake2b


@lru_cache(maxsize=65_536)
def user_hash(user_id: str) -> int:
    """Return the 64-bit hash of a user id; 0 for no user."""
    if not user_id:
        return 0
    return int.from_bytes(blake2b(user_id.encode(errors="replace"), digest_size=8).digest(), "big")
