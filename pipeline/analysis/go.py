"""Go: ``if err != nil`` is the handler, and ``recover`` the one that catches everything."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import tree_sitter_go
from tree_sitter import Language, Node

from pipeline.analysis import blocks, calls
from pipeline.analysis.facts import Ending, Facts, Handler, Loop
from pipeline.analysis.trees import CALLS, Place, below, callee, dotted, line_of, survey, text_of

_LANGUAGE: Final = Language(tree_sitter_go.language())
_FRAMEWORKS: Final = {'"log/slog"': "slog", '"log"': "log"}


def read(facts: Facts, text: str) -> None:
    """Count what a file does about errors."""
    survey(facts, _LANGUAGE, text, partial(_visit, facts))


def _visit(facts: Facts, node: Node, place: Place) -> Place:
    """Count one node; return its children's place."""
    kind = node.type
    if kind in CALLS:
        name = callee(node)
        calls.count(facts, name, line_of(node))
        if name in {"errors.Is", "errors.As"}:
            facts.errors += _sought(node)
    elif kind == "if_statement":
        _check(facts, node, place)
    elif kind == "expression_statement":
        if text_of(node) == "recover()":
            _caught(facts, _recovered(node, place))
    elif kind == "import_spec":
        if framework := _FRAMEWORKS.get(text_of(node.child_by_field_name("path"))):
            facts.frameworks.add(framework)
    elif kind in blocks.LOOPS:
        return place.looping(node)
    elif kind in blocks.FUNCTIONS:
        return place.within(text_of(node.child_by_field_name("name")), node)
    return place


def _sought(call: Node) -> Iterator[str]:
    """Yield the name of the error that ``errors.Is`` asks for."""
    given = call.child_by_field_name("arguments")
    if given is not None and callee(call) == "errors.Is" and given.named_child_count > 1:
        yield calls.last(dotted(given.named_children[1]))


def _caught(facts: Facts, handler: Handler) -> None:
    """Add a handler of everything."""
    facts.handlers.append(handler)
    facts.generic += handler.broad


def _recovered(node: Node, place: Place) -> Handler:
    """Return a ``recover`` whose value is dropped."""
    return Handler(
        line=line_of(node), function=place.name, caught=(), broad=True, failure=True, bare=True
    )


def _check(facts: Facts, node: Node, place: Place) -> None:
    """Count an ``if`` that asks for an error, and what it does about it."""
    condition = node.child_by_field_name("condition")
    if condition is None:
        return
    errors = [name for one in below([condition]) if (name := _compared(one))]
    if not errors:
        return
    recovers = "recover()" in text_of(node.child_by_field_name("initializer"))
    facts.error_checks += not recovers
    if recovers or _is_error(errors[0]):
        alone = bool(_compared(condition))
        _caught(facts, _handler(node, errors[0], place, alone=alone, recovers=recovers))


def _compared(node: Node) -> str:
    """Return the name of the error in ``err != nil``, or nothing."""
    if node.type != "binary_expression":
        return ""
    left, operator, right = (
        node.child_by_field_name(name) for name in ("left", "operator", "right")
    )
    if operator is None or operator.type != "!=" or right is None or right.type != "nil":
        return ""
    name = text_of(left)
    return name if _is_error(name) or "recover()" in text_of(node.parent) else ""


def _is_error(name: str) -> bool:
    """Tell whether a variable is called like an error."""
    plain = calls.last(name)
    return plain.lower().startswith("err") or plain.endswith(("Err", "err", "Error"))


def _handler(check: Node, error: str, place: Place, *, alone: bool, recovers: bool) -> Handler:
    """Return what is done about an error.

    More than one condition tells errors apart. A field keeps its error for whoever asks it next,
    and a ``break`` is how a reader ends.
    """
    body = blocks.statements(check.child_by_field_name("consequence"))
    ending = _ending(body, error, place)
    alone = alone and check.child_by_field_name("alternative") is None
    return Handler(
        line=line_of(check),
        function=place.name,
        caught=(),
        broad=recovers,
        failure=recovers or (alone and "." not in error and not _breaks(body)),
        bare=all(map(blocks.is_idle, body)),
        logs=any(map(calls.is_loud, blocks.names_called(body))),
        used=blocks.hands_on(body, error),
        ending=ending,
        loop=_loop(check, body, place),
        waits=blocks.waits(place.loop) or _receives(place.loop),
    )


def _breaks(body: list[Node]) -> bool:
    """Tell whether a block leaves its loop."""
    return bool(body) and body[-1].type == "break_statement"


def _ending(body: list[Node], error: str, place: Place) -> Ending:
    """Return how a block ends; what a ``return`` says depends on the function's results."""
    if not body or body[-1].type != "return_statement":
        return blocks.ending(body, error, gives=False)
    results, values = _results(place.function), blocks.value_of(body[-1])
    if values is None:
        return Ending.ANSWERS if results else Ending.LEAVES
    final = values.named_children[-1] if values.type == "expression_list" else values
    if text_of(final) == error:
        return Ending.RETHROWS
    if results[-1:] == ["error"]:
        return Ending.NOTHING if final.type == "nil" else Ending.RAISES
    return Ending.NOTHING if len(results) == 1 and final.type == "nil" else Ending.ANSWERS


def _results(function: Node | None) -> list[str]:
    """Return the types of a function's results."""
    result = function.child_by_field_name("result") if function else None
    if result is None:
        return []
    if result.type != "parameter_list":
        return [text_of(result)]
    return [text_of(one.child_by_field_name("type")) for one in result.named_children]


def _loop(check: Node, body: list[Node], place: Place) -> Loop:
    """Return what a check stands in; a ``range`` goes from item to item, never the same again."""
    if place.loop is None:
        return Loop.NONE
    if any(one.type == "range_clause" for one in place.loop.named_children):
        return Loop.PLAIN
    before = check.prev_named_sibling
    operation = check.child_by_field_name("initializer") or before
    if operation is None or not any(one.type == "call_expression" for one in below([operation])):
        return Loop.PLAIN
    right = operation.child_by_field_name("right")
    if right is None:
        return Loop.PLAIN
    found = blocks.loop_of(operation, [right], body, place)
    again = body[-1:] and body[-1].type == "continue_statement"
    return found if again and _is_behind(check, place.loop) else Loop.PLAIN


def _is_behind(check: Node, loop: Node) -> bool:
    """Tell whether a check stands in the loop itself, its success behind it."""
    turn = blocks.statements(loop.child_by_field_name("body"))
    return any(one.id == check.id for one in turn[:-1])


def _receives(loop: Node | None) -> bool:
    """Tell whether a loop waits for a channel."""
    return loop is not None and any(
        one.type in {"select_statement", "receive_statement"}
        or (one.type == "unary_expression" and text_of(one).startswith("<-"))
        for one in below([loop], blocks.FUNCTIONS)
    )
