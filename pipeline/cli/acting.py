"""From a command to the topic ``actions``: who owns what is meant, and that the broker has it."""

import getpass
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from pipeline.cli.options import complain, reachable
from pipeline.cli.printing import store

if TYPE_CHECKING:
    from pipeline.group.request import Request, Target
    from pipeline.io.broker import Broker
    from pipeline.model.action import Action
    from pipeline.model.stage import Sent
    from pipeline.store.clickhouse import Client

# What is to be written, for a number of partitions.
Records = Callable[[int], "dict[UUID, Sent]"]
NOT_YET = "what happened in the last seconds is not in the store yet: try again"
SEND_S = 10.0


def login() -> str:
    """Return the name of who is logged in, as far as the machine knows one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def act(
    data: Path, kind: "type[Action]", groups: Sequence[str], request: "Request", **arguments: Any
) -> None:
    """Ask the owners of issues to do something."""
    from pipeline.group.request import asked

    with store(data) as client:
        targets = found(client, groups, request.project)
    send(data, lambda partitions: asked(request, kind, targets, partitions, **arguments))


def request_of(author: str, project: str, reason: str) -> "Request":
    """Return who asks, now: the store keeps milliseconds."""
    from pipeline.group.request import Request
    from pipeline.io.clock import SystemClock

    now = SystemClock().now()
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return Request(author, at, project, reason)


def found(client: "Client", groups: Sequence[str], project: str) -> list["Target"]:
    """Return the issues of these ids; exit code 1 if one is not there."""
    from pipeline.store.queries.actions import targets

    rows = {row["group_id"]: row for row in targets(client, list(groups), project=project)}
    _check(groups, rows, project)
    return [_target(rows[name]) for name in dict.fromkeys(groups)]


def roots_of(
    client: "Client", groups: Sequence[str], project: str
) -> tuple[dict[str, "Target"], dict[str, list["Target"]]]:
    """Return the issues that stand for these, and what each of them stands for."""
    from pipeline.store.queries.actions import targets

    rows = {row["group_id"]: row for row in targets(client, list(groups), project=project)}
    _check(groups, rows, project)
    names = list(dict.fromkeys(rows[name]["merged_into"] or name for name in groups))
    rows = {row["group_id"]: row for row in targets(client, names, project=project)}
    _check(names, rows, project)
    members: defaultdict[str, list[Target]] = defaultdict(list)
    for row in rows.values():
        if row["merged_into"] in names:
            members[row["merged_into"]].append(_target(row))
    return {name: _target(rows[name]) for name in names}, members


def send(data: Path, records: Records) -> None:
    """Write actions and say how each is undone."""
    from pipeline.io.kafka import KafkaBroker

    kafka = reachable(data).kafka
    for name in deliver(KafkaBroker(kafka.bootstrap_servers, kafka.client), records):
        print(f"asked; `tocsin issues undo {name}` takes it back")


def deliver(broker: "Broker", records: Records) -> "list[UUID]":
    """Wait until the broker has every action; exit code 1 if it has not; return their ids."""
    from pipeline.group.actions import TOPIC
    from pipeline.io.broker import BrokerError

    errors: list[str] = []
    try:
        made = records(broker.partitions(TOPIC))
    except (BrokerError, KeyError) as error:
        complain(f"Kafka: {error}; is `tocsin up` running?")
        raise typer.Exit(1) from error
    producer = broker.plain_producer()
    for record in made.values():
        producer.send(record, lambda error: errors.append(error) if error else None)
    left = producer.flush(SEND_S)
    producer.close()
    if errors or left:
        complain(f"Kafka: {errors[0] if errors else f'no answer within {SEND_S:.0f} s'}")
        raise typer.Exit(1)
    return list(made)


def moment(text: str) -> datetime:
    """Return a time, in UTC if it names no zone; exit code 2 if it is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        complain(f"{text!r} is no time: write it as 2026-12-01 or 2026-12-01T08:00:00Z")
        raise typer.Exit(2) from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _check(names: Sequence[str], rows: dict[str, Any], project: str) -> None:
    """Exit if one of the issues is not there."""
    if unknown := [name for name in names if name not in rows]:
        complain(f"no issue {', '.join(unknown)} in project {project}; {NOT_YET}")
        raise typer.Exit(1)


def _target(row: dict[str, Any]) -> "Target":
    """Return an issue as an action names it."""
    from pipeline.group.request import Target

    first_seen = row["first_seen"]
    aware = first_seen if first_seen.tzinfo else first_seen.replace(tzinfo=UTC)
    return Target(row["group_id"], aware, row["service"], row["error_type"])
