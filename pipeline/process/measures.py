"""What is counted and not stored: requests, sessions, samples of hosts."""

from pipeline.frames.combine import Combiner
from pipeline.process.event import Head, Measure, Request, Sessions
from pipeline.process.settings import ProcessSettings


def count(
    sums: Combiner, head: Head, measure: Measure, ts_ms: int, user: int, settings: ProcessSettings
) -> None:
    """Add an event to the sums of its service."""
    series = (head.project, head.service, head.environment, ts_ms)
    if isinstance(measure, Request):
        sums.request(
            *series,
            duration_ms=measure.duration_ms,
            failed=measure.status >= settings.failed_status,
            apdex_ms=settings.apdex_ms,
            user=user,
            n=max(round(head.weight), 1),
        )
    elif isinstance(measure, Sessions):
        sums.sessions(
            *series,
            started=measure.started,
            errored=measure.errored,
            crashed=measure.crashed,
            abnormal=measure.abnormal,
        )
    else:
        sums.resource(
            *series,
            host=measure.host,
            cpu_percent=measure.cpu_percent,
            memory_percent=measure.memory_percent,
            disk_free_percent=measure.disk_free_percent,
            memory_rss=measure.memory_rss,
        )
