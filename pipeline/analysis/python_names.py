"""What a Python name means in its module: aliases of imports resolved, calls kept as ``()``."""

import ast
from typing import Final

# A chain of calls longer than this is a query, not a logger's name.
_LONGEST: Final = 12
_LOWER_TYPES: Final = frozenset(("error", "timeout", "herror", "gaierror"))


class Names:
    """Names of one module; filled by its imports in the order of the text."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._aliases: dict[str, str] = {}

    def learn(self, node: ast.Import | ast.ImportFrom) -> None:
        """Remember what an import binds."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.modules.add(alias.name.partition(".")[0])
                if alias.asname:
                    self._aliases[alias.asname] = alias.name
            return
        if node.module and not node.level:
            self.modules.add(node.module.partition(".")[0])
            for alias in node.names:
                self._aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def dotted(self, node: ast.AST) -> str:
        """Return the dotted text of an expression, ``?`` where it begins with something else."""
        parts: list[str] = []
        end = ""
        while len(parts) < _LONGEST:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr + end)
                node, end = node.value, ""
            elif isinstance(node, ast.Call):
                node, end = node.func, "()"
            elif isinstance(node, ast.Subscript | ast.Await):
                node = node.value
            elif isinstance(node, ast.Name):
                parts.append(self._aliases.get(node.id, node.id) + end)
                break
            else:
                parts.append("?")
                break
        parts.reverse()
        return ".".join(parts)


def type_names(names: Names, node: ast.AST | None) -> list[str]:
    """Return the types that an ``except`` or a ``raise`` names, without their modules.

    A variable that holds an error or a tuple of types names none.
    """
    if node is None:
        return []
    if isinstance(node, ast.Tuple):
        return [name for item in node.elts for name in type_names(names, item)]
    if isinstance(node, ast.Call):
        return type_names(names, node.func)
    if not isinstance(node, ast.Name | ast.Attribute):
        return []
    full = names.dotted(node)
    name = full.rpartition(".")[2]
    plain = name.lstrip("_")
    is_type = plain[:1].isupper() and not (plain.isupper() and "_" in plain)
    # An ``error`` without a module is a variable.
    return [name] if is_type or (name in _LOWER_TYPES and name != full) else []
