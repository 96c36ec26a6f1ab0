"""JavaScript and TypeScript: two grammars whose statements are the same."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node

from pipeline.analysis import blocks, calls
from pipeline.analysis.facts import Facts, Handler
from pipeline.analysis.trees import Place, below, callee, dotted, line_of, survey, text_of

_JAVASCRIPT: Final = Language(tree_sitter_javascript.language())
_TYPESCRIPT: Final = Language(tree_sitter_typescript.language_typescript())
_TSX: Final = Language(tree_sitter_typescript.language_tsx())
_SCOPES: Final = (blocks.FUNCTIONS - {"class_body"}) | {"class_declaration", "class"}
# Cypress queues its commands itself: what looks like a promise is none.
_QUEUES: Final = frozenset(("cy", "Cypress"))


def read(facts: Facts, text: str) -> None:
    """Count what a script does about errors."""
    survey(facts, _JAVASCRIPT, text, partial(_visit, facts))


def read_typescript(facts: Facts, text: str) -> None:
    """Count what a typed script does about errors."""
    language = _TSX if facts.path.endswith("x") else _TYPESCRIPT
    survey(facts, language, text, partial(_visit, facts))


def _visit(facts: Facts, node: Node, place: Place) -> Place:
    """Count one node; return its children's place."""
    kind = node.type
    if kind in {"call_expression", "new_expression"}:
        calls.count(facts, callee(node), line_of(node))
        if _drops(node):
            facts.handlers.append(_dropped(node, place))
    elif kind == "expression_statement":
        if _is_floating(node):
            facts.floating.append((line_of(node), place.name))
    elif kind == "try_statement":
        _try(facts, node, place)
    elif kind == "throw_statement":
        facts.errors += _thrown(blocks.value_of(node))
    elif kind in blocks.LOOPS:
        return place.looping(node)
    elif kind in _SCOPES:
        return place.within(_name(node), None if kind.startswith("class") else node)
    return place


def _try(facts: Facts, node: Node, place: Place) -> None:
    """Count a try and what it catches."""
    caught = node.child_by_field_name("handler")
    if caught is None:
        return
    facts.tries += 1
    handler = _handler(node, caught, place)
    facts.handlers.append(handler)
    facts.errors += handler.caught
    facts.generic += not blocks.statements(caught.child_by_field_name("body"))


def _handler(tried: Node, caught: Node, place: Place) -> Handler:
    """Return what a catch does."""
    error = text_of(caught.child_by_field_name("parameter"))
    body = blocks.statements(caught.child_by_field_name("body"))
    called = blocks.names_called(body)
    gives = blocks.gives_values(place.function)
    types = tuple(_tested(body, error))
    return Handler(
        line=line_of(caught),
        function=place.name,
        caught=types,
        broad=not types,
        failure=not types,
        bare=all(map(blocks.is_idle, body)),
        logs=any(map(calls.is_loud, called)),
        used=blocks.raises(body) or bool(error and blocks.hands_on(body, error)),
        ending=blocks.ending(body, error, gives=gives),
        loop=blocks.loop_of(
            tried, blocks.statements(tried.child_by_field_name("body")), body, place
        ),
        waits=blocks.waits(place.loop),
    )


def _drops(call: Node) -> bool:
    """Tell whether a call is ``.catch(() => {})``."""
    function, given = (call.child_by_field_name(name) for name in ("function", "arguments"))
    if function is None or given is None or given.named_child_count != 1:
        return False
    body = given.named_children[0].child_by_field_name("body")
    called = text_of(function.child_by_field_name("property"))
    return (
        called == "catch"
        and body is not None
        and body.type == "statement_block"
        and not blocks.statements(body)
    )


def _dropped(call: Node, place: Place) -> Handler:
    """Return a handler of a promise that does nothing."""
    function = call.child_by_field_name("function")
    name = function.child_by_field_name("property") if function else None
    return Handler(
        line=line_of(name or call),
        function=place.name,
        caught=(),
        broad=True,
        failure=True,
        bare=True,
    )


def _tested(body: list[Node], error: str) -> Iterator[str]:
    """Yield the types that a catch asks for with ``instanceof``."""
    for node in below(body):
        if node.type == "binary_expression" and text_of(node.child_by_field_name("left")) == error:
            operator = node.child_by_field_name("operator")
            if operator is not None and operator.type == "instanceof":
                yield calls.last(dotted(node.child_by_field_name("right")))


def _thrown(value: Node | None) -> list[str]:
    """Return the type that is thrown, with or without ``new``."""
    name = calls.last(callee(value)) if value else ""
    return [name] if name[:1].isupper() else []


def _is_floating(statement: Node) -> bool:
    """Tell whether a statement is a promise whose failure nobody handles."""
    node = blocks.value_of(statement)
    methods: list[str] = []
    handled = False
    while node is not None and node.type == "call_expression":
        function = node.child_by_field_name("function")
        if function is None or function.type != "member_expression":
            break
        methods.append(text_of(function.child_by_field_name("property")))
        given = node.child_by_field_name("arguments")
        handled |= methods[-1] == "then" and given is not None and given.named_child_count > 1
        node = function.child_by_field_name("object")
    floats = methods[:1] in (["then"], ["finally"]) and "then" in methods and "catch" not in methods
    return floats and not handled and dotted(node).partition("(")[0] not in _QUEUES


def _name(node: Node) -> str:
    """Return the name of a function or a class, or of what it is assigned to."""
    if name := text_of(node.child_by_field_name("name")):
        return name
    parent = node.parent
    field = {"variable_declarator": "name", "pair": "key", "assignment_expression": "left"}
    if parent is None or parent.type not in field:
        return ""
    return text_of(parent.child_by_field_name(field[parent.type]))[:80]
