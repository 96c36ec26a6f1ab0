"""Trees of tree-sitter: parsed, walked, and the names in them."""

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

from tree_sitter import Language, Node, Parser

from pipeline.analysis.comments import MARK, Comment, ignores
from pipeline.analysis.facts import Facts

# A chain of calls longer than this is a query, not a logger's name.
_LONGEST: Final = 12
# The grammars have these kinds of nodes between them, each with its fields.
_ACCESS: Final = {
    "member_expression": ("object", "property"),
    "field_access": ("object", "field"),
    "selector_expression": ("operand", "field"),
    "method_invocation": ("object", "name"),
}
CALLS: Final = {
    "call_expression": "function",
    "new_expression": "constructor",
    "object_creation_expression": "type",
    "composite_literal": "type",
}
_WRAPPERS: Final = frozenset(
    (
        *("parenthesized_expression", "await_expression", "non_null_expression"),
        *("subscript_expression", "index_expression", "unary_expression", "generic_type"),
    )
)
WORDS: Final = frozenset(
    (
        *("identifier", "this", "super", "type_identifier", "field_identifier"),
        *("property_identifier", "package_identifier", "scoped_type_identifier"),
        *("qualified_type", "shorthand_property_identifier"),
    )
)
_COMMENTS: Final = frozenset(("comment", "line_comment", "block_comment", "html_comment"))


class Place(NamedTuple):
    """Where a node stands: its function, and the loop around it in that function."""

    name: str = ""
    function: Node | None = None
    loop: Node | None = None

    def within(self, name: str, function: Node | None) -> "Place":
        """Return the place inside a function or a class."""
        joined = ".".join(part for part in (self.name, name) if part)
        return Place(joined, function)

    def looping(self, loop: Node) -> "Place":
        """Return the place inside a loop."""
        return self._replace(loop=loop)


def survey(
    facts: Facts, language: Language, text: str, visit: Callable[[Node, Place], Place]
) -> None:
    """Visit every node in the order of the text; each visit returns its children's place.

    The parser goes on behind what it does not understand: the facts then say where that is.
    """
    root = Parser(language).parse(text.encode("utf-8", "surrogatepass")).root_node
    if root.has_error:
        facts.trouble = f"line {_first_error(root)}: syntax error"
    stack = [(root, Place())]
    while stack:
        node, place = stack.pop()
        inner = visit(node, place)
        stack += [(child, inner) for child in reversed(node.named_children)]
    facts.handlers.sort(key=lambda handler: handler.line)
    if MARK in text:
        facts.ignores = ignores(_comments(root, text.split("\n")))


def _first_error(root: Node) -> int:
    """Return the line of the first place that does not parse."""
    node = root
    while not (node.is_error or node.is_missing):
        inner = next((one for one in node.children if one.has_error or one.is_missing), None)
        if inner is None:
            break
        node = inner
    return line_of(node)


def _comments(root: Node, lines: list[str]) -> Iterator[Comment]:
    """Yield the comments of a tree."""
    for node in below([root]):
        if is_comment(node):
            before = lines[node.start_point.row].encode()[: node.start_point.column]
            yield Comment(line_of(node), text_of(node), not before.strip())


def is_comment(node: Node) -> bool:
    """Tell whether a node is a comment."""
    return node.type in _COMMENTS


def line_of(node: Node) -> int:
    """Return the 1-based line that a node begins in."""
    return node.start_point.row + 1


def text_of(node: Node | None) -> str:
    """Return the text of a node."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def below(nodes: Collection[Node], stop: Collection[str] = ()) -> Iterator[Node]:
    """Yield nodes and all below them in the order of the text, kinds in ``stop`` left out."""
    stack = [node for node in reversed(list(nodes)) if node.type not in stop]
    while stack:
        node = stack.pop()
        yield node
        stack += [child for child in reversed(node.named_children) if child.type not in stop]


def callee(node: Node) -> str:
    """Return the dotted name that a call is made by, or nothing for another node."""
    if node.type == "method_invocation":
        return dotted(node).removesuffix("()")
    field = CALLS.get(node.type)
    return dotted(node.child_by_field_name(field)) if field else ""


def dotted(node: Node | None) -> str:
    """Return the dotted text of an expression, ``?`` where it begins with something else."""
    parts: list[str] = []
    end = ""
    while node is not None and len(parts) < _LONGEST:
        if node.type in _ACCESS:
            receiver, name = _ACCESS[node.type]
            end = "()" if node.type == "method_invocation" else end
            parts.append(text_of(node.child_by_field_name(name)) + end)
            node, end = node.child_by_field_name(receiver), ""
        elif node.type in CALLS:
            node, end = node.child_by_field_name(CALLS[node.type]), "()"
        elif node.type in _WRAPPERS and node.named_children:
            node = node.named_children[0]
        else:
            parts.append((text_of(node) if node.type in WORDS else "?") + end)
            break
    return ".".join(reversed(parts))
