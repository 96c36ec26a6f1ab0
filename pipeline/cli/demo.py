"""``tocsin demo``: watch an incident travel the whole path."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import Json, complain, settings, usage_errors

if TYPE_CHECKING:
    from pipeline.local.demo import Demo
    from pipeline.local.show import Screen
    from pipeline.local.up import Machine

Once = Annotated[
    bool, typer.Option("--once", help="Leave after the resolved notice, with a summary.")
]


def demo(once: Once = False, json: Json = False) -> None:
    """Run everything on free ports in a temporary folder, with traffic and an incident.

    Examples: `tocsin demo`, `tocsin demo --once`, `tocsin demo --once --json`
    """
    from pipeline.local.demo import options
    from pipeline.local.receiver import Receiver
    from pipeline.local.show import Screen
    from pipeline.local.state import locked
    from pipeline.local.up import Machine

    with usage_errors():
        settings()
    with (
        usage_errors(),
        tempfile.TemporaryDirectory(prefix="tocsin-demo-", ignore_cleanup_errors=True) as folder,
        Receiver() as receiver,
        Screen(sys.stderr) as screen,
        locked(Path(folder)),
    ):
        machine = Machine(options(Path(folder), receiver), screen.tell, screen.progress)
        code = _play(machine, receiver, screen, once=once, json=json)
    raise typer.Exit(code)


def _play(machine: "Machine", receiver: Any, screen: "Screen", *, once: bool, json: bool) -> int:
    """Start the machine and the traffic, show them, sum up; return the exit code."""
    from pipeline.local.demo import Demo
    from pipeline.local.show import Stopped, ignore_signals, stop_on_signals

    code = 0
    try:
        with stop_on_signals():
            machine.start()
            playing = Demo(machine, receiver)
            try:
                _watch(playing, machine, screen, once=once)
                code = _sum_up(playing, machine, screen, json=json)
            finally:
                playing.generator.stop()
    except Stopped:
        screen.tell("stopping")
    finally:
        ignore_signals()
        machine.stop()
    return code


def _watch(playing: "Demo", machine: "Machine", screen: "Screen", *, once: bool) -> None:
    """Show the screen until Ctrl-C; with ``once`` until it is over or takes too long."""
    from pipeline.local.demo import GIVE_UP_S
    from pipeline.local.screen import picture

    while not once or (not playing.is_over() and playing.age_s < GIVE_UP_S):
        machine.step()
        playing.look()
        screen.draw(picture(playing.snapshot()))


def _sum_up(playing: "Demo", machine: "Machine", screen: "Screen", *, json: bool) -> int:
    """Print the summary and compare it with what was sent; return the exit code."""
    import orjson

    from pipeline.local.demo import CHANNELS, GIVE_UP_S

    over = playing.is_over()
    counts, wrong = playing.settle()
    screen.close()
    fired, resolved = playing.after("firing"), playing.after("resolved")
    ledger = playing.generator.ledger
    summary = {
        "sent": sum(ledger["kinds"].values()),
        "sent_by_kind": ledger["kinds"],
        "stored": counts,
        "issues": int(counts.get("issues", 0)),
        "alert_fired_after_s": round(min(fired.values()), 1) if fired else None,
        "alert_resolved_after_s": round(min(resolved.values()), 1) if resolved else None,
        "notices": len(playing.notices),
        "peak_memory_mb": round(machine.peak_bytes / 2**20),
        "differences": [difference._asdict() for difference in wrong],
    }
    if json:
        print(orjson.dumps(summary, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(summary)
    for difference in wrong:
        complain(f"{difference.what}: {difference.sent} sent, {difference.found} found")
    if not over:
        missing = ", ".join(sorted(set(CHANNELS) - resolved.keys()))
        complain(f"no resolved notice within {GIVE_UP_S:.0f} s on {missing}")
    return int(bool(wrong) or not over)


def _print(summary: dict[str, Any]) -> None:
    """Print the summary as lines."""
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(summary["sent_by_kind"].items()))
    stored = summary["stored"]
    print(f"events sent        {summary['sent']:,} ({kinds})")
    print(f"errors stored      {int(stored.get('error', 0)):,}, in {summary['issues']} issues")
    print(f"requests counted   {int(stored.get('request', 0)):,}")
    print(f"alert fired after  {_after(summary['alert_fired_after_s'])}")
    print(f"resolved after     {_after(summary['alert_resolved_after_s'])}")
    print(f"notices delivered  {summary['notices']}")
    print(f"peak memory        {summary['peak_memory_mb']:,} MB, all processes together")


def _after(seconds: float | None) -> str:
    """Return a time as a person reads it; what did not happen has none."""
    return "(it did not)" if seconds is None else f"{seconds} s"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)
