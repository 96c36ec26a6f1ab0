"""A worker that dies between any two rows goes on as if nothing had happened."""

from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.model.window import WindowRecord
from tests.detect.build import Run, a_group, a_host, a_service, a_tick, numbered, run

NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)  # a seed does not shrink


def a_log(seed: int, minutes: int = 90) -> list[WindowRecord]:
    """Return the windows and ticks of some series, with silence, incidents and an hour's end."""
    random = Random(seed)
    records: list[WindowRecord] = []
    for n in range(30, 30 + minutes):
        for service in ("shop", "cart"):
            if random.random() < 0.9:
                requests = random.randrange(20)
                failed = random.randrange(requests + 1) if random.random() < 0.2 else 0
                ms = random.choice((90, 110, 500))
                records.append(
                    a_service(n, service=service, requests=requests, requests_failed=failed, ms=ms)
                )
        if random.random() < 0.5:
            records.append(a_host(n, host=random.choice("ab"), cpu=random.randrange(100)))
        records += [a_group(n, group_id=g, count=random.randrange(1, 9)) for g in "xyz"[: n % 4]]
        records.append(a_tick(n + 1))
    return numbered(records)


@settings(max_examples=40, deadline=None, phases=NO_SHRINK)
@given(seed=st.integers(0, 10_000), cuts=st.integers(0, 10_000))
def test_a_death_between_any_two_rows_changes_nothing(seed: int, cuts: int) -> None:
    """Records come again from the last released one; values and ids stay what they were."""
    log = a_log(seed)
    random = Random(cuts)
    done = Run()
    position = released = 0
    while position < len(log):
        if random.random() < 0.05:
            done.feed(log[position], rows=random.randrange(4))
            done.restart()
            position = released
        else:
            done.feed(log[position])
            position += 1
        if random.random() < 0.2:
            released = position
    undisturbed = run(*log)
    metrics = {(metric.service, metric.number): metric for metric in undisturbed.metrics}
    signals = {signal.signal_id: signal for signal in undisturbed.signals}

    assert done.rows == undisturbed.rows
    assert {signal.signal_id for signal in done.signals} == set(signals)
    assert all(signals[signal.signal_id] == signal for signal in done.signals)
    assert {(metric.service, metric.number) for metric in done.metrics} == set(metrics)
    assert all(metrics[metric.service, metric.number] == metric for metric in done.metrics)
