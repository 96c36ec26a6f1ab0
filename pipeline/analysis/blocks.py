"""The block of a handler in the languages with braces: what it does, and how it ends."""

from collections.abc import Collection
from typing import Final

from tree_sitter import Node

from pipeline.analysis import calls
from pipeline.analysis.facts import Ending, Loop
from pipeline.analysis.trees import Place, below, callee, is_comment, text_of

FUNCTIONS: Final = frozenset(
    (
        *("function_declaration", "function_expression", "arrow_function", "method_definition"),
        *("generator_function", "generator_function_declaration", "lambda_expression"),
        *("method_declaration", "constructor_declaration", "func_literal", "class_body"),
    )
)
LOOPS: Final = frozenset(
    (
        *("for_statement", "for_in_statement", "while_statement", "do_statement"),
        "enhanced_for_statement",
    )
)
_IDLE: Final = frozenset(("continue_statement", "break_statement", "empty_statement"))
_NOTHING: Final = frozenset(("null", "undefined", "null_literal", "nil"))
_STORES: Final = {
    "assignment_expression": "left",
    "augmented_assignment_expression": "left",
    "update_expression": "argument",
    "variable_declarator": "name",
    "assignment_statement": "left",
    "short_var_declaration": "left",
    "inc_statement": "",
    "dec_statement": "",
}


def statements(block: Node | None) -> list[Node]:
    """Return the statements of a block, or the one that stands without braces."""
    if block is None:
        return []
    if block.type not in {"statement_block", "block", "statement_list"}:
        return [block]
    inner = [child for child in block.named_children if not is_comment(child)]
    return statements(inner[0]) if [one.type for one in inner] == ["statement_list"] else inner


def is_idle(statement: Node) -> bool:
    """Tell whether a statement does nothing about an error."""
    bare_return = statement.type == "return_statement" and not value_of(statement)
    return statement.type in _IDLE or bare_return


def value_of(statement: Node) -> Node | None:
    """Return what a return or a throw carries."""
    return next((child for child in statement.named_children if not is_comment(child)), None)


def is_nothing(value: Node | None) -> bool:
    """Tell whether a returned value is none."""
    return value is None or value.type in _NOTHING or text_of(value) in {"undefined", "void 0"}


def ending(block: list[Node], error: str, *, gives: bool) -> Ending:
    """Return how a block ends; ``gives``: its function returns values."""
    if not block:
        return Ending.FALLS
    statement = block[-1]
    match statement.type:
        case "throw_statement":
            same = bool(error) and text_of(value_of(statement)) == error
            return Ending.RETHROWS if same else Ending.RAISES
        case "continue_statement":
            return Ending.CONTINUES
        case "break_statement":
            return Ending.LEAVES
        case "return_statement":
            if is_nothing(value_of(statement)):
                return Ending.NOTHING if gives else Ending.LEAVES
            return Ending.ANSWERS
        case "expression_statement" if calls.ends_process(_called(statement)):
            return Ending.RAISES
        # What is tried instead decides.
        case "try_statement" | "try_with_resources_statement":
            return Ending.ANSWERS
        case "if_statement":
            return _both(statement, error, gives=gives)
        case _:
            return Ending.FALLS


def _both(statement: Node, error: str, *, gives: bool) -> Ending:
    """Return how an if ends whose branches end alike."""
    other = statement.child_by_field_name("alternative")
    if other is None:
        return Ending.FALLS
    if other.type == "else_clause":
        other = value_of(other)
    branches = (statement.child_by_field_name("consequence"), other)
    either = {ending(statements(branch), error, gives=gives) for branch in branches}
    return either.pop() if len(either) == 1 else Ending.FALLS


def _called(statement: Node) -> str:
    """Return the name of the call that a statement is."""
    value = value_of(statement)
    return callee(value) if value else ""


def names_called(nodes: Collection[Node]) -> list[str]:
    """Return the names of all calls in nodes, functions of their own left out."""
    return [name for node in below(nodes, FUNCTIONS) if (name := callee(node))]


def raises(nodes: Collection[Node]) -> bool:
    """Tell whether something is thrown in nodes."""
    return any(node.type == "throw_statement" for node in below(nodes, FUNCTIONS))


def hands_on(nodes: Collection[Node], error: str) -> bool:
    """Tell whether the error goes anywhere but into a line of text or a comparison."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        name = callee(node)
        if name and calls.only_tells(name):
            continue
        if node.type == "identifier" and text_of(node) == error:
            return True
        stack += node.named_children
    return False


def gives_values(function: Node | None) -> bool:
    """Tell whether a function returns values, so that nothing from it means something."""
    body = function.child_by_field_name("body") if function else None
    return body is not None and any(
        node.type == "return_statement" and not is_nothing(value_of(node))
        for node in below(body.named_children, FUNCTIONS)
    )


def waits(loop: Node | None) -> bool:
    """Tell whether a turn of a loop lets time pass."""
    body = loop.child_by_field_name("body") if loop else None
    return body is not None and any(map(calls.is_wait, names_called([body])))


def loop_of(tried: Node, body: list[Node], handled: list[Node], place: Place) -> Loop:
    """Return what a handler stands in: a loop that tries the same again, or another."""
    loop = place.loop
    if loop is None:
        return Loop.NONE
    turn = statements(loop.child_by_field_name("body"))
    rest = [node for node in turn if node.id != tried.id]
    head = [node for node in loop.named_children if not is_comment(node)][:-1]
    behind = turn[-1:] if turn and turn[-1].id != tried.id else []
    leaves = any(node.type in {"return_statement", "break_statement"} for node in (*body, *behind))
    each = loop.type in {"for_in_statement", "enhanced_for_statement"}
    same = stored([*head, *rest, *handled]).isdisjoint(loaded(body))
    return Loop.RETRY if leaves and same and not each else Loop.PLAIN


def stored(nodes: Collection[Node]) -> set[str]:
    """Return the names that are set in nodes."""
    found = set()
    for node in below(nodes, FUNCTIONS):
        if (field := _STORES.get(node.type)) is not None:
            target = node.child_by_field_name(field) if field else node
            found |= loaded([target]) if target else set()
    return found


def loaded(nodes: Collection[Node]) -> set[str]:
    """Return the names in nodes."""
    return {text_of(node) for node in below(nodes) if node.type == "identifier"}
