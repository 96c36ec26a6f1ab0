"""``tocsin issues``: what breaks, and what people do about it."""

from functools import partial
from typing import Annotated
from uuid import UUID

import typer

from pipeline.cli.acting import (
    NOT_YET,
    act,
    found,
    login,
    moment,
    request_of,
    roots_of,
    send,
)
from pipeline.cli.options import Data, Json, complain
from pipeline.cli.printing import Limit, Project, cell, print_json, print_table, store

issues_app = typer.Typer(
    name="issues", help="What breaks, and what is done about it.", no_args_is_help=True
)

Service = Annotated[str, typer.Option("--service", help="Only this service.")]
Group = Annotated[str, typer.Argument(help="16 hex digits, as `list` shows them.")]
Groups = Annotated[
    list[str], typer.Argument(metavar="GROUP...", help="16 hex digits each, as `list` shows them.")
]
Author = Annotated[
    str,
    typer.Option(
        "--author",
        envvar="TOCSIN_AUTHOR",
        help="Who does it, for the history.",
        default_factory=login,
        show_default="your login name",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the history.")]


@issues_app.command(name="list")
def list_issues(
    data: Data,
    project: Project = "default",
    service: Service = "",
    status: Annotated[str, typer.Option("--status", help="open, resolved or ignored.")] = "",
    text: Annotated[str, typer.Option("--text", help="Part of the title.")] = "",
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List issues, the one seen last first.

    Example: `tocsin issues list --service checkout`
    """
    from pipeline.store.queries.issues import Filter, issues

    with store(data) as client:
        rows = issues(client, Filter(project, service, status, text), limit=limit)
    if json:
        print_json(rows)
        return
    columns = ("group_id", "status", "service", "count", "users", "last_seen", "title")
    print_table(rows, columns, "no issues: nothing has failed, or nothing has arrived yet")


@issues_app.command(name="show")
def show_issue(
    data: Data,
    group_id: Group,
    project: Project = "default",
    json: Json = False,
) -> None:
    """Show one issue, why its events are grouped, and its newest event.

    Example: `tocsin issues show 5f2b9c1d7a3e4f60`
    """
    from pipeline.store.queries.issues import issue

    with store(data) as client:
        shown = issue(client, group_id, project=project)
    if shown is None:
        complain(f"no issue {group_id} in project {project}")
        raise typer.Exit(1)
    if json:
        print_json(shown)
        return
    for name, value in shown.items():
        if name not in {"events", "decisions"}:
            print(f"{name:14} {cell(value)}")
    for decision in shown["decisions"]:
        print(f"grouped        {decision['how']} {decision['canonical_key']}")
    for event in shown["events"][:1]:
        place = f"events.raw {event['raw_partition']}:{event['raw_offset']}"
        print(f"newest event   {event['event_id']} from {place}\n\n{event['stack']}")


@issues_app.command(name="history")
def show_history(
    data: Data, group: Group, project: Project = "default", json: Json = False
) -> None:
    """List every change of an issue: when, by whom, what it became, and the id that undoes it.

    Example: `tocsin issues history 5f2b9c1d7a3e4f60`
    """
    from pipeline.store.queries.actions import history

    with store(data) as client:
        rows = history(client, group, project=project)
    if json:
        print_json(rows)
        return
    columns = ("at", "author", "action", "status", "merged_into", "assignee", "reason", "action_id")
    print_table(rows, columns, f"no issue {group} in project {project}")


@issues_app.command()
def merge(
    data: Data, groups: Groups, author: Author, project: Project = "default", reason: Reason = ""
) -> None:
    """Make one issue of several: the oldest stays, later events of the others join it.

    No event is rewritten; `unmerge` and `undo` take it back.

    Example: `tocsin issues merge 5f2b9c1d7a3e4f60 8c41d0b2e97f63a5`
    """
    from pipeline.group.request import merged, oldest

    with store(data) as client:
        roots, members = roots_of(client, groups, project)
    if len(roots) < 2:
        complain("a merge needs two issues that are not one already")
        raise typer.Exit(2)
    into = oldest(roots.values())
    others = [root for name, root in roots.items() if name != into.group_id]
    others += [m for root, found in members.items() if root != into.group_id for m in found]
    request = request_of(author, project, reason)
    send(data, lambda partitions: merged(request, into, others, partitions))
    print(f"merged into {into.group_id}, the oldest")


@issues_app.command()
def unmerge(
    data: Data, groups: Groups, author: Author, project: Project = "default", reason: Reason = ""
) -> None:
    """Let issues stand for themselves again, and their later events, too.

    Example: `tocsin issues unmerge 8c41d0b2e97f63a5`
    """
    from pipeline.model.action import Unmerge

    act(data, Unmerge, groups, request_of(author, project, reason))


@issues_app.command()
def resolve(
    data: Data,
    groups: Groups,
    author: Author,
    release: Annotated[
        str, typer.Option("--release", help="Only events of this release or a later one regress.")
    ] = "",
    project: Project = "default",
    reason: Reason = "",
) -> None:
    """Mark issues as done with: a later event brings them back, with a signal.

    Examples: `tocsin issues resolve 5f2b9c1d7a3e4f60`,
    `tocsin issues resolve 5f2b9c1d7a3e4f60 --release 2026.11.3`
    """
    from pipeline.model.action import Resolve

    act(data, Resolve, groups, request_of(author, project, reason), release=release)


@issues_app.command()
def reopen(
    data: Data, groups: Groups, author: Author, project: Project = "default", reason: Reason = ""
) -> None:
    """Take back that issues are resolved or ignored.

    Example: `tocsin issues reopen 5f2b9c1d7a3e4f60`
    """
    from pipeline.model.action import Reopen

    act(data, Reopen, groups, request_of(author, project, reason))


@issues_app.command()
def ignore(
    data: Data,
    groups: Groups,
    author: Author,
    events: Annotated[int, typer.Option("--events", min=0, help="Until so many more came.")] = 0,
    users: Annotated[
        int, typer.Option("--users", min=0, max=1000, help="Until so many more users saw it.")
    ] = 0,
    until: Annotated[str, typer.Option("--until", help="Until a time, as ISO 8601, UTC.")] = "",
    project: Project = "default",
    reason: Reason = "",
) -> None:
    """Hear no more of issues: for ever, or until one thing is reached; then they escalate.

    Examples: `tocsin issues ignore 5f2b9c1d7a3e4f60 --events 100`,
    `tocsin issues ignore 5f2b9c1d7a3e4f60 --until 2026-12-01`
    """
    from pipeline.model.action import Ignore

    limits = {"events": events, "users": users, "until": moment(until) if until else None}
    if sum(map(bool, limits.values())) > 1:
        complain("ignore until one thing: --events, --users or --until")
        raise typer.Exit(2)
    act(data, Ignore, groups, request_of(author, project, reason), **limits)


@issues_app.command()
def assign(
    data: Data,
    groups: Groups,
    author: Author,
    to: Annotated[str, typer.Option("--to", help="Who takes care; '' for nobody.")],
    project: Project = "default",
    reason: Reason = "",
) -> None:
    """Say who takes care of issues.

    Example: `tocsin issues assign 5f2b9c1d7a3e4f60 --to ada`
    """
    from pipeline.model.action import Assign

    act(data, Assign, groups, request_of(author, project, reason), assignee=to)


@issues_app.command()
def undo(
    data: Data,
    actions: Annotated[
        list[str], typer.Argument(metavar="ACTION...", help="As the command or `history` shows it.")
    ],
    author: Author,
    project: Project = "default",
    reason: Reason = "",
) -> None:
    """Leave issues as they were before an action, as far as nothing else changed it since.

    Example: `tocsin issues undo 0c9f3f5e-6f0e-5d0b-9a53-2f4b1f6f3d11`
    """
    from pipeline.group.request import asked
    from pipeline.model.action import Undo
    from pipeline.store.queries import actions as queries

    with store(data) as client:
        rows = {row["action_id"]: row for row in queries.asked(client, actions, project=project)}
        if unknown := [name for name in actions if name not in rows]:
            complain(f"no action {', '.join(unknown)} in project {project}; {NOT_YET}")
            raise typer.Exit(1)
        owned = {
            name: found(client, row["target"].split(","), project) for name, row in rows.items()
        }
    request = request_of(author, project, reason)
    for name, targets in owned.items():
        send(data, partial(asked, request, Undo, targets, undone=UUID(name)))


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(issues_app)
