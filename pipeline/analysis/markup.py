"""XML as a flat list of elements, by expat; entities are refused: a file may come from anybody."""

from typing import NamedTuple
from xml.parsers import expat

from pipeline.analysis.facts import Unparsable


class Element(NamedTuple):
    """One element at its end: its name and its parent's without namespaces."""

    name: str
    parent: str
    attributes: dict[str, str]
    text: str


class _Reader:
    """Collects elements while expat reads."""

    def __init__(self) -> None:
        self.found: list[Element] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._open.append((name.rpartition(":")[2], attributes, []))

    def text(self, part: str) -> None:
        """Add text to the element that is open."""
        if self._open:
            self._open[-1][2].append(part)

    def end(self, _name: str) -> None:
        """Close an element."""
        name, attributes, text = self._open.pop()
        parent = self._open[-1][0] if self._open else ""
        self.found.append(Element(name, parent, attributes, "".join(text).strip()))


def elements(text: str) -> list[Element]:
    """Return the elements of a document in the order of their ends; raises Unparsable."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003  expat takes no keywords
    except expat.ExpatError as error:
        raise Unparsable(f"line {error.lineno}: {expat.ErrorString(error.code)}") from error
    return reader.found


def _refuse(*_declaration: object) -> None:
    """Refuse an entity: a few lines of them expand to gigabytes."""
    raise Unparsable("entities are not read")
