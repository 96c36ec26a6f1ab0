"""A code base on disk: which files there are, and their bytes."""

import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

# Not the code base's own: versions, packages, caches.
_NEVER = frozenset(
    (
        *(".git", ".hg", ".svn", "node_modules", "bower_components", "__pycache__"),
        *(".venv", "venv", "virtualenv", ".tox", ".nox", ".eggs", "site-packages"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", "__pypackages__"),
    )
)
# What every virtual environment holds, whatever it is called.
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")


class Tree(NamedTuple):
    """The files to read, and what was not entered although it may hold some, with the reason."""

    files: list[str]
    skipped: list[tuple[str, str]]


def files_of(root: Path, is_wanted: Callable[[str], bool], exclude: Iterable[str] = ()) -> Tree:
    """Return the wanted files below a folder, by their paths from it, sorted.

    Links are not followed: what they point to is either in the tree or somebody else's.
    """
    if root.is_file():
        return Tree([root.name], [])
    patterns = tuple(exclude)
    tree = Tree([], [])
    for folder, folders, names in os.walk(root, onerror=lambda error: _refused(root, tree, error)):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_foreign(here / name))
        for name in list(folders):
            path = _relative(root, here / name)
            if _is_excluded(path, patterns):
                folders.remove(name)
            elif (here / name).is_symlink():
                tree.skipped.append((path, "a link to a folder"))
        for name in sorted(names):
            path = _relative(root, here / name)
            if is_wanted(path) and not _is_excluded(path, patterns):
                _take(tree, here / name, path)
    tree.files.sort()
    return tree


def read(root: Path, path: str) -> bytes:
    """Return the bytes of a file; raises OSError."""
    return (root if root.is_file() else root / path).read_bytes()


def _take(tree: Tree, file: Path, path: str) -> None:
    """Add a file, or say why not; a pipe would block whoever opens it."""
    if file.is_symlink():
        tree.skipped.append((path, "a link"))
    elif file.is_file():
        tree.files.append(path)
    else:
        tree.skipped.append((path, "not a file"))


def _is_foreign(folder: Path) -> bool:
    """Tell whether a folder holds what others wrote."""
    return folder.name in _NEVER or any((folder / name).exists() for name in _ENVIRONMENT)


def _is_excluded(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path, or its name, fits a pattern."""
    name = path.rpartition("/")[2]
    return any(fnmatch(path, one) or fnmatch(name, one) for one in patterns)


def _refused(root: Path, tree: Tree, error: OSError) -> None:
    """Say that a folder could not be listed."""
    tree.skipped.append((_relative(root, Path(error.filename)), error.strerror or str(error)))


def _relative(root: Path, path: Path) -> str:
    """Return a path from the root, a name that is no text made printable."""
    return os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")
