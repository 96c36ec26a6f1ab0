"""Java."""

from functools import partial
from typing import Final

import tree_sitter_java
from tree_sitter import Language, Node

from pipeline.analysis import blocks, calls
from pipeline.analysis.facts import Facts, Handler, Loop
from pipeline.analysis.trees import CALLS, Place, callee, line_of, survey, text_of

_LANGUAGE: Final = Language(tree_sitter_java.language())
_BROAD: Final = frozenset(("Exception", "Throwable"))
_CLASSES: Final = frozenset(
    ("class_declaration", "interface_declaration", "enum_declaration", "record_declaration")
)
# An answer in the shape of an exception, or one that cannot come: to drop it loses nothing.
_ANSWERS: Final = (
    *("NumberFormat", "NoSuch", "NotFound", "DateTimeParse", "IndexOutOfBounds", "EOF"),
    *("IllegalArgument", "ClassCast", "CloneNotSupported", "UnsupportedEncoding", "Empty"),
    *("InvalidPath", "Parse", "Syntax", "Timeout", "ArithmeticException", "AssertionError"),
)
_MEANT: Final = ("ignore", "expected", "unused", "_")
_TRANSIENT: Final = ("IO", "Timeout", "Connect", "Socket", "Sql", "SQL", "Remote", "Transient")


def read(facts: Facts, text: str) -> None:
    """Count what a class does about errors."""
    survey(facts, _LANGUAGE, text, partial(_visit, facts))


def _visit(facts: Facts, node: Node, place: Place) -> Place:
    """Count one node; return its children's place."""
    kind = node.type
    if kind == "method_invocation" or kind in CALLS:
        calls.count(facts, callee(node), line_of(node))
    elif kind in {"try_statement", "try_with_resources_statement"}:
        _try(facts, node, place)
    elif kind == "throw_statement":
        thrown = blocks.value_of(node)
        if thrown is not None and thrown.type == "object_creation_expression":
            facts.errors.append(calls.last(callee(thrown)))
    elif kind == "import_declaration":
        if "java.util.logging" in text_of(node):
            facts.frameworks.add("java.util.logging")
    elif kind in blocks.LOOPS:
        return place.looping(node)
    elif kind in _CLASSES or kind in blocks.FUNCTIONS:
        function = node if kind in blocks.FUNCTIONS and kind != "class_body" else None
        return place.within(text_of(node.child_by_field_name("name")), function)
    return place


def _try(facts: Facts, node: Node, place: Place) -> None:
    """Count a try and what it catches."""
    clauses = [child for child in node.named_children if child.type == "catch_clause"]
    facts.tries += bool(clauses)
    for caught in clauses:
        handler = _handler(node, caught, place)
        facts.handlers.append(handler)
        facts.errors += handler.caught
        facts.generic += handler.broad


def _handler(tried: Node, caught: Node, place: Place) -> Handler:
    """Return what a catch does."""
    parameter = next(one for one in caught.named_children if one.type == "catch_formal_parameter")
    error = text_of(parameter.child_by_field_name("name"))
    types = _types(parameter)
    broad = not _BROAD.isdisjoint(types)
    body = blocks.statements(caught.child_by_field_name("body"))
    meant = error.lower().startswith(_MEANT) or all(_is_answer(name) for name in types)
    loop = blocks.loop_of(tried, blocks.statements(tried.child_by_field_name("body")), body, place)
    passing = broad or any(name.startswith(_TRANSIENT) for name in types)
    return Handler(
        line=line_of(caught),
        function=place.name,
        caught=types,
        broad=broad,
        failure=broad or not meant,
        bare=all(map(blocks.is_idle, body)),
        logs=any(map(calls.is_loud, blocks.names_called(body))),
        used=blocks.raises(body) or blocks.hands_on(body, error),
        ending=blocks.ending(body, error, gives=blocks.gives_values(place.function)),
        loop=Loop.PLAIN if loop is Loop.RETRY and not passing else loop,
        waits=blocks.waits(place.loop),
    )


def _types(parameter: Node) -> tuple[str, ...]:
    """Return the types of a catch, without their packages."""
    kinds = next((one for one in parameter.named_children if one.type == "catch_type"), None)
    return tuple(calls.last(text_of(one)) for one in kinds.named_children) if kinds else ()


def _is_answer(name: str) -> bool:
    """Tell whether an exception says what was found, not that something failed."""
    return any(part in name for part in _ANSWERS)
