"""The clock record: what of an engine has to outlive the process, besides the frames themselves."""

from pipeline.aggregate.watermark import Watermarks
from pipeline.model.aggregate_state import ClockRecord

Series = dict[tuple[str, str, str], int]


def sources_of(record: ClockRecord) -> dict[str, tuple[int, int, int]]:
    """Return the progress of each source as ``Watermarks.restore`` takes it."""
    return {
        name: (watermark, record.quiet_ms.get(name, 0), record.covered.get(name, -1))
        for name, watermark in record.watermarks.items()
    }


def record_of(
    watermarks: Watermarks,
    series: Series,
    *,
    partition: int,
    next_offset: int,
    closed_ms: int,
    group_closed_ms: int,
    number: int,
) -> ClockRecord:
    """Return the clock record of one partition of ``frames``."""
    state = watermarks.state()
    return ClockRecord(
        partition=partition,
        next_offset=next_offset,
        closed_ms=closed_ms,
        group_closed_ms=group_closed_ms,
        watermarks={name: values[0] for name, values in state.items()},
        quiet_ms={name: values[1] for name, values in state.items()},
        covered={name: values[2] for name, values in state.items()},
        last_frame_ms=watermarks.last_ms,
        number=number,
        series=[(*key, seen) for key, seen in series.items()],
    )
