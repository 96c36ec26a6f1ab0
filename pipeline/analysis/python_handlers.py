"""One ``except`` of Python as a handler: what it catches, does and leads to."""

import ast
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pipeline.analysis import calls
from pipeline.analysis.facts import Ending, Handler, Loop
from pipeline.analysis.python_names import Names, type_names

Loops = ast.For | ast.AsyncFor | ast.While
Functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_BROAD: Final = frozenset(("Exception", "BaseException"))
_TRANSIENT: Final = frozenset(
    (
        *("OSError", "IOError", "EnvironmentError", "HTTPError", "URLError", "ClientError"),
        *("RequestException", "OperationalError", "InterfaceError", "TransportError"),
    )
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Place(NamedTuple):
    """Where a node stands: its function, and the loop around it in that function."""

    name: str = ""
    function: Functions | None = None
    loop: Loops | None = None

    def within(self, node: ast.AST) -> "Place":
        """Return the place inside a function or a class."""
        if isinstance(node, ast.Lambda):
            return Place(self.name, node)
        name = getattr(node, "name", "")
        full = f"{self.name}.{name}" if self.name else name
        return Place(full, node if isinstance(node, Functions) else None)

    def looping(self, node: Loops) -> "Place":
        """Return the place inside a loop."""
        return self._replace(loop=node)


def handler_of(names: Names, tried: ast.Try, caught: ast.ExceptHandler, place: Place) -> Handler:
    """Return what one ``except`` does."""
    types = type_names(names, caught.type)
    broad = caught.type is None or not _BROAD.isdisjoint(types)
    inside = list(_inside(caught.body))
    called = [names.dotted(node.func) for node in inside if isinstance(node, ast.Call)]
    ending = _ending(names, caught.body[-1], caught.name, place)
    raises = any(isinstance(node, ast.Raise) for node in inside)
    return Handler(
        line=caught.lineno,
        function=place.name,
        caught=tuple(types),
        broad=broad,
        failure=broad,
        bare=all(_is_idle(statement) for statement in caught.body),
        logs=any(map(calls.is_loud, called)),
        used=raises
        or "sys.exc_info" in called
        or (caught.name is not None and _hands_on(names, caught.body, caught.name)),
        ending=ending,
        loop=_loop(names, tried, caught, types, broad=broad, place=place),
        waits=place.loop is not None and _waits(names, place.loop),
    )


def suppressed(names: Names, node: ast.With | ast.AsyncWith, place: Place) -> Iterator[Handler]:
    """Yield what ``contextlib.suppress`` swallows."""
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and names.dotted(call.func) == "contextlib.suppress":
            types = [name for argument in call.args for name in type_names(names, argument)]
            broad = not _BROAD.isdisjoint(types)
            yield Handler(
                line=node.lineno,
                function=place.name,
                caught=tuple(types),
                broad=broad,
                failure=broad,
                bare=True,
                loop=Loop.PLAIN if place.loop else Loop.NONE,
            )


def _inside(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield nodes and all below them, functions and classes of their own left out."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if not isinstance(node, _SCOPES):
            yield node
            stack += ast.iter_child_nodes(node)


def _is_idle(statement: ast.stmt) -> bool:
    """Tell whether a statement does nothing about an error."""
    if isinstance(statement, ast.Return):
        return statement.value is None
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass | ast.Continue | ast.Break)


def _ending(names: Names, statement: ast.stmt, error: str | None, place: Place) -> Ending:
    """Return how a handler ends that ends with this statement."""
    match statement:
        case ast.Raise(exc=None):
            return Ending.RETHROWS
        case ast.Raise(exc=ast.Name(id=name)) if name == error:
            return Ending.RETHROWS
        case ast.Raise():
            return Ending.RAISES
        case ast.Continue():
            return Ending.CONTINUES
        case ast.Break():
            return Ending.LEAVES
        case ast.Return(value=None | ast.Constant(value=None)):
            return Ending.NOTHING if _gives(place.function) else Ending.LEAVES
        case ast.Return():
            return Ending.ANSWERS
        case ast.Expr(value=ast.Call(func=func)) if calls.ends_process(names.dotted(func)):
            return Ending.RAISES
        case ast.If(body=body, orelse=orelse) if orelse:
            either = {_ending(names, branch[-1], error, place) for branch in (body, orelse)}
            return either.pop() if len(either) == 1 else Ending.FALLS
        # What is tried instead decides.
        case ast.Try():
            return Ending.ANSWERS
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return _ending(names, body[-1], error, place)
        case _:
            return Ending.FALLS


def _gives(function: Functions | None) -> bool:
    """Tell whether a function returns values, so that None from it means something."""
    if function is None or isinstance(function, ast.Lambda):
        return False
    nodes = list(_inside(function.body))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return False
    return any(
        isinstance(node, ast.Return)
        and node.value is not None
        and not (isinstance(node.value, ast.Constant) and node.value.value is None)
        for node in nodes
    )


def _hands_on(names: Names, body: list[ast.stmt], error: str) -> bool:
    """Tell whether the error goes anywhere but into a line of text."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and calls.only_tells(names.dotted(node.func)):
            continue
        if isinstance(node, ast.Name) and node.id == error and isinstance(node.ctx, ast.Load):
            return True
        stack += ast.iter_child_nodes(node)
    return False


def _waits(names: Names, loop: Loops) -> bool:
    """Tell whether a turn of a loop lets time pass."""
    return any(
        isinstance(node, ast.Call) and calls.is_wait(names.dotted(node.func))
        for node in _inside(loop.body)
    )


def _loop(
    names: Names,
    tried: ast.Try,
    caught: ast.ExceptHandler,
    types: list[str],
    *,
    broad: bool,
    place: Place,
) -> Loop:
    """Return what a handler stands in; only what may pass by itself is worth another attempt."""
    if place.loop is None:
        return Loop.NONE
    passing = broad or any(
        name in _TRANSIENT or name.startswith("Connection") or "Timeout" in name for name in types
    )
    again = passing and _succeeds(tried, place.loop) and _is_same(names, tried, caught, place.loop)
    return Loop.RETRY if again else Loop.PLAIN


def _succeeds(tried: ast.Try, loop: Loops) -> bool:
    """Tell whether success leaves the loop."""
    behind = loop.body[-1:] if loop.body[-1] is not tried else []
    return any(
        isinstance(node, ast.Return | ast.Break) for node in (*tried.body, *tried.orelse, *behind)
    )


def _is_same(names: Names, tried: ast.Try, caught: ast.ExceptHandler, loop: Loops) -> bool:
    """Tell whether each turn tries the same: neither a next candidate nor a changed argument."""
    rest = [node for node in loop.body if node is not tried]
    changed = _named([*rest, *caught.body], ast.Store)
    if not isinstance(loop, ast.While):
        counts = isinstance(loop.iter, ast.Call) and names.dotted(loop.iter.func)
        if counts not in {"range", "itertools.count", "itertools.repeat"}:
            return False
        changed |= _named([loop.target], ast.Store)
    return changed.isdisjoint(_named(tried.body, ast.Load))


def _named(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """Return the names that are read or set in nodes."""
    return {
        node.id
        for node in _inside(nodes)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
