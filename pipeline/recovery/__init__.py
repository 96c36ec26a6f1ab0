"""What to do when a call to somebody else fails: pure decisions, run by ``pipeline.sdk.recovery``.

An own loop instead of tenacity (Apache-2.0, alive) or stamina (MIT, alive), because both fix wait
and predicate before the first call, read the clock themselves and know no breaker, replica or
fallback: what 7.x asks for would be an adapter longer than the loop.
"""
