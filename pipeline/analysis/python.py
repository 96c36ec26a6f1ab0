"""Python, read by its own parser."""

import ast
import io
import tokenize
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

from pipeline.analysis import calls
from pipeline.analysis.comments import MARK, Comment, ignores
from pipeline.analysis.facts import Facts, Unparsable
from pipeline.analysis.python_handlers import Place, handler_of, suppressed
from pipeline.analysis.python_names import Names, type_names

_DROPPED: Final = frozenset(
    (
        *("asyncio.create_task", "asyncio.ensure_future", "asyncio.gather"),
        "asyncio.run_coroutine_threadsafe",
    )
)
_LOOPS: Final = frozenset(("loop", "event_loop", "get_event_loop()", "get_running_loop()"))
_CONSOLE: Final = frozenset(("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"))
# What can neither be nor hold what is counted: most nodes of a tree.
_IDLE = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Name, ast.Pass)


def read(facts: Facts, text: str) -> None:
    """Count what a module does about errors; raises Unparsable."""
    names = Names()
    # The top of the stack is what stands first in the text: an import comes before its use.
    stack: list[tuple[ast.AST, Place]] = [(_parsed(text), Place())]
    while stack:
        node, place = stack.pop()
        visit = _VISITS.get(node.__class__)
        inner = visit(facts, names, node, place) if visit else place
        for name in reversed(node._fields):
            value: Any = getattr(node, name, None)
            if value.__class__ is list:
                stack += [(item, inner) for item in reversed(value) if _matters(item)]
            elif _matters(value):
                stack.append((value, inner))
    facts.handlers.sort(key=lambda handler: handler.line)
    if MARK in text:
        facts.ignores = ignores(_comments(text))


def _matters(value: object) -> bool:
    """Tell whether a field of a node is to be visited."""
    return isinstance(value, ast.AST) and not isinstance(value, _IDLE)


def _parsed(text: str) -> ast.Module:
    """Return the tree; the compiler's warnings are the author's business."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise Unparsable(f"line {error.lineno or 1}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise Unparsable("nested too deeply for the parser") from error
    except ValueError as error:
        raise Unparsable(str(error)) from error


def _call(facts: Facts, names: Names, node: ast.Call, place: Place) -> Place:
    """Count a call, unless it prints into a file."""
    name = names.dotted(node.func)
    if name != "print" or _is_console(names, node):
        calls.count(facts, name, node.lineno)
    return place


def _is_console(names: Names, node: ast.Call) -> bool:
    """Tell whether a print goes to the console."""
    files = [word.value for word in node.keywords if word.arg == "file"]
    return not files or names.dotted(files[0]) in _CONSOLE


def _expression(facts: Facts, names: Names, node: ast.Expr, place: Place) -> Place:
    """Note a task that nobody keeps: a failure in it is lost."""
    if isinstance(node.value, ast.Call):
        name = names.dotted(node.value.func)
        receiver, _, method = name.rpartition(".")
        on_loop = method == "create_task" and calls.last(receiver).lstrip("_") in _LOOPS
        if name in _DROPPED or on_loop:
            facts.floating.append((node.lineno, place.name))
    return place


def _scope(_facts: Facts, _names: Names, node: ast.AST, place: Place) -> Place:
    """Enter a function or a class."""
    return place.within(node)


def _loop(_facts: Facts, _names: Names, node: Any, place: Place) -> Place:
    """Enter a loop."""
    return place.looping(node)


def _try(facts: Facts, names: Names, node: ast.Try, place: Place) -> Place:
    """Count a try and what it catches."""
    facts.tries += bool(node.handlers)
    for caught in node.handlers:
        handler = handler_of(names, node, caught, place)
        facts.handlers.append(handler)
        facts.errors += handler.caught
        facts.generic += handler.broad
    return place


def _with(facts: Facts, names: Names, node: ast.With | ast.AsyncWith, place: Place) -> Place:
    """Count what a ``suppress`` catches."""
    for handler in suppressed(names, node, place):
        facts.handlers.append(handler)
        facts.errors += handler.caught
        facts.generic += handler.broad
    return place


def _raise(facts: Facts, names: Names, node: ast.Raise, place: Place) -> Place:
    """Count the type that is raised."""
    facts.errors += type_names(names, node.exc)
    return place


def _import(facts: Facts, names: Names, node: ast.Import | ast.ImportFrom, place: Place) -> Place:
    """Learn the names of an import; the standard library's logging is a framework, too."""
    names.learn(node)
    if "logging" in names.modules:
        facts.frameworks.add("logging")
    return place


def _constant(facts: Facts, _names: Names, node: ast.Constant, place: Place) -> Place:
    """Note a formatter that a configuration names by a text."""
    if isinstance(node.value, str) and calls.names_formatter(node.value):
        facts.structured = True
    return place


_VISITS: Final[dict[type[ast.AST], Callable[[Facts, Names, Any, Place], Place]]] = {
    ast.Call: _call,
    ast.Expr: _expression,
    ast.FunctionDef: _scope,
    ast.AsyncFunctionDef: _scope,
    ast.Lambda: _scope,
    ast.ClassDef: _scope,
    ast.For: _loop,
    ast.AsyncFor: _loop,
    ast.While: _loop,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Raise: _raise,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Constant: _constant,
}


def _comments(text: str) -> Iterator[Comment]:
    """Yield the comments of a module that parses."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            yield Comment(token.start[0], token.string, alone)
