"""Reads rules and channels from YAML; the only door to yaml.

Every complaint names file, line and key, and all of them come at once.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ValidationError

from pipeline.alert.conditions import AnyRule, RuleFile
from pipeline.alert.settings import AlertSettings
from pipeline.io.resources import deploy
from pipeline.notify.channels import AnyChannel, ChannelFile
from pipeline.notify.settings import NotifySettings

_REFERENCE = re.compile(r"\$\{(?:file:(?P<file>[^{}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*))\}")
M = TypeVar("M", bound=BaseModel)


class FileError(ValueError):
    """A file that cannot be used; one line per complaint."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


class Document:
    """A YAML file: its data, and the line of each key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._complaints: list[str] = []
        try:
            self._root = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as error:
            raise FileError([f"{path}: cannot be read: {error}"]) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark is not None else ""
            problem = getattr(error, "problem", None) or str(error)
            raise FileError([f"{path}{line}: no YAML: {problem}"]) from error
        self.data = self._value(self._root) if self._root is not None else {}
        if self._complaints:
            raise FileError(self._complaints)

    def at(self, *keys: str | int) -> str:
        """Return ``file:line`` of the innermost key that exists."""
        node = self._root
        line = node.start_mark.line if node is not None else 0
        for key in keys:
            found = _child(node, key)
            if found is not None:
                line, node = found
        return f"{self.path}:{line + 1}"

    def read_as(self, model: type[M]) -> M:
        """Return the data as a model; raises FileError with a line per complaint."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise FileError([self._complaint(e["loc"], e["msg"]) for e in error.errors()]) from None

    def _complaint(self, loc: tuple[str | int, ...], text: str) -> str:
        """Return one complaint of pydantic's, with its line and key."""
        names = [k for k in loc if isinstance(k, str) and k[0] not in "[("]
        key = names[-1] if names else "file"
        return f"{self.at(*loc)}: {key}: {text.removeprefix('Value error, ')}"

    def _value(self, node: yaml.Node) -> Any:
        """Return a node's data; a key that comes twice would silently win."""
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            for name, n in Counter(names).items():
                if n > 1:
                    line = [key for key, _ in node.value if key.value == name][1].start_mark.line
                    self._complaints.append(f"{self.path}:{line + 1}: {name}: is there twice")
            return {key.value: self._value(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        value = yaml.SafeLoader("").construct_object(node)
        return self._filled(value, node) if isinstance(value, str) else value

    def _filled(self, text: str, node: yaml.Node) -> str:
        """Return a string with its ``${NAME}`` and ``${file:path}`` filled in."""

        def fill(match: re.Match[str]) -> str:
            """Return what one reference stands for."""
            try:
                if match["file"]:
                    return Path(match["file"]).read_text("utf-8").strip()
                return os.environ[match["name"]]
            except (OSError, KeyError):
                what = f"file {match['file']}" if match["file"] else f"variable {match['name']}"
                self._complaints.append(
                    f"{self.path}:{node.start_mark.line + 1}: there is no {what}"
                )
                return ""

        return _REFERENCE.sub(fill, text)


def _child(node: Any, key: str | int) -> tuple[int, yaml.Node] | None:
    """Return line and value of a key or an index, None if there is no such one."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        value = node.value[key]
        return value.start_mark.line, value
    return None


def read_rules(path: Path, channels: Collection[str]) -> tuple[AnyRule, ...]:
    """Return the rules of a file; raises FileError for a bad one, or for an unknown channel."""
    document = Document(path)
    rules = document.read_as(RuleFile).rules
    seen: set[str] = set()
    complaints = []
    for n, rule in enumerate(rules):
        if rule.name in seen:
            complaints.append(
                f"{document.at('rules', n, 'name')}: name: {rule.name!r} is there twice"
            )
        seen.add(rule.name)
        known = ", ".join(sorted(channels)) or "none"
        complaints += [
            f"{document.at('rules', n, 'channels', i)}: channels: no channel {name!r}; there are:"
            f" {known}"
            for i, name in enumerate(rule.channels)
            if name not in channels
        ]
    if complaints:
        raise FileError(complaints)
    return rules


def shipped_rules(channels: Collection[str]) -> tuple[AnyRule, ...]:
    """Return the rules that ship, each with those of its channels that are configured."""
    document = Document(deploy() / "config" / "rules.yaml")
    return tuple(
        rule.model_copy(update={"channels": tuple(c for c in rule.channels if c in channels)})
        for rule in document.read_as(RuleFile).rules
    )


def load_rules(settings: AlertSettings, channels: Collection[str]) -> tuple[AnyRule, ...]:
    """Return the rules that are set, else those that ship."""
    if settings.rules:
        return read_rules(Path(settings.rules), channels)
    return shipped_rules(channels)


def load_channels(settings: NotifySettings) -> Mapping[str, AnyChannel]:
    """Return the configured channels by name; none if no file is set."""
    if not settings.channels:
        return {}
    return Document(Path(settings.channels)).read_as(ChannelFile).channels


def rules_schema() -> bytes:
    """Return the JSON Schema of a file of rules, for editors: ``schemas/rules.v1.json``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:tocsin:rules.v1",
        **RuleFile.model_json_schema(by_alias=True),
    }
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
