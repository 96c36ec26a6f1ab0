"""Package files: what a code base declares, read by each format's own parser."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipeline.analysis.calls import names_formatter
from pipeline.analysis.facts import Unparsable
from pipeline.analysis.gradle import coordinates
from pipeline.analysis.markup import elements

# The beginning of a package's name, and what it is; the first that fits counts.
FRAMEWORKS: Final = (
    *((name, name) for name in ("npm/winston", "npm/bunyan", "npm/pino", "npm/log4js")),
    *((name, name) for name in ("pypi/structlog", "pypi/loguru", "pypi/python-json-logger")),
    ("go/github.com/sirupsen/logrus", "go/logrus"),
    ("go/go.uber.org/zap", "go/zap"),
    ("go/github.com/rs/zerolog", "go/zerolog"),
    ("maven/ch.qos.logback:", "maven/logback"),
    ("maven/org.apache.logging.log4j:", "maven/log4j"),
    ("maven/log4j:log4j", "maven/log4j"),
    ("maven/org.slf4j:", "maven/slf4j"),
)
MONITORING: Final = (
    ("npm/@sentry/", "sentry"),
    ("pypi/sentry-sdk", "sentry"),
    ("go/github.com/getsentry/sentry-go", "sentry"),
    ("maven/io.sentry:", "sentry"),
    ("npm/@opentelemetry/", "opentelemetry"),
    ("pypi/opentelemetry-", "opentelemetry"),
    ("go/go.opentelemetry.io/otel", "opentelemetry"),
    ("maven/io.opentelemetry", "opentelemetry"),
    ("npm/prom-client", "prometheus"),
    ("pypi/prometheus-", "prometheus"),
    ("go/github.com/prometheus/client_golang", "prometheus"),
    ("maven/io.prometheus:", "prometheus"),
    ("maven/io.micrometer:micrometer-registry-prometheus", "prometheus"),
    ("pypi/tocsin", "tocsin"),
)
# A library that only emits leaves the start to its application.
_API_ONLY: Final = ("/opentelemetry-api", "/@opentelemetry/api", ":opentelemetry-api")


class Declared(NamedTuple):
    """One dependency: ``ecosystem/name`` and the line that names it."""

    package: str
    line: int


class Package(msgspec.Struct):
    """What a package file says."""

    path: str
    declared: list[Declared]
    structured: bool = False
    trouble: str = ""

    def frameworks(self) -> Iterator[str]:
        """Yield the logging frameworks."""
        for declared in self.declared:
            if found := _fitting(FRAMEWORKS, declared.package):
                yield found.partition("/")[2]

    def monitoring(self) -> Iterator[tuple[str, Declared]]:
        """Yield the monitoring clients with their lines."""
        for declared in self.declared:
            if found := _fitting(MONITORING, declared.package):
                yield found, declared


def is_api_only(declared: Declared) -> bool:
    """Tell whether a dependency cannot be started."""
    return declared.package.endswith(_API_ONLY)


def _fitting(table: Iterable[tuple[str, str]], package: str) -> str:
    """Return what a package is, or nothing."""
    return next((what for start, what in table if package.startswith(start)), "")


def _npm(text: str) -> Iterator[str]:
    """Yield the dependencies of a package.json."""
    body = _loaded(msgspec.json.decode, text)
    for part in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
        yield from (f"npm/{name}" for name in _mapping(body.get(part)))


def _pyproject(text: str) -> Iterator[str]:
    """Yield the dependencies of a pyproject.toml, Poetry's own tables included."""
    body = _loaded(msgspec.toml.decode, text)
    project, poetry = (
        _mapping(body.get("project")),
        _mapping(_mapping(body.get("tool")).get("poetry")),
    )
    listed = [project.get("dependencies")]
    listed += _mapping(project.get("optional-dependencies")).values()
    listed += _mapping(body.get("dependency-groups")).values()
    for line in (one for part in listed if isinstance(part, list) for one in part):
        # A group may include another one: that is a table, not a requirement.
        if isinstance(line, str):
            yield _python(line)
    tables = [poetry, *_mapping(poetry.get("group")).values()]
    for table in tables:
        yield from (f"pypi/{canonicalize_name(n)}" for n in _mapping(table.get("dependencies")))


def _python(requirement: str) -> str:
    """Return the package of a requirement; raises Unparsable."""
    try:
        return f"pypi/{canonicalize_name(Requirement(requirement).name)}"
    except InvalidRequirement as error:
        raise Unparsable(f"no requirement: {requirement[:80]!r}") from error


def _requirements(text: str) -> Iterator[str]:
    """Yield the packages of a requirements file; options and files to include name none."""
    for line in text.replace("\\\n", " ").splitlines():
        wanted = line.partition(" #")[0].partition(" --")[0].strip()
        if (
            wanted
            and not wanted.startswith(("#", "-", ".", "/"))
            and "://" not in wanted.partition("@")[0]
        ):
            yield _python(wanted)


def _go(text: str) -> Iterator[str]:
    """Yield the modules that a go.mod requires."""
    block = ""
    for line in text.splitlines():
        words = line.partition("//")[0].split()
        if words[1:2] == ["("]:
            block = words[0]
        elif words == [")"]:
            block = ""
        elif words and (block or words[0]) == "require":
            yield f"go/{words[0 if block else 1]}"


def _pom(text: str) -> Iterator[str]:
    """Yield the dependencies of a pom.xml."""
    group = ""
    for element in elements(text):
        if element.parent == "dependency" and element.name == "groupId":
            group = element.text
        elif element.parent == "dependency" and element.name == "artifactId":
            yield f"maven/{group}:{element.text}"


def _gradle(text: str) -> Iterator[str]:
    """Yield the dependencies of a Gradle script."""
    yield from (f"maven/{found}" for found in coordinates(text))


def _catalogue(text: str) -> Iterator[str]:
    """Yield the libraries of Gradle's version catalogue."""
    for library in _mapping(_loaded(msgspec.toml.decode, text).get("libraries")).values():
        if isinstance(library, str):
            yield "maven/" + ":".join(library.split(":")[:2])
        elif module := library.get("module"):
            yield f"maven/{module}"
        else:
            yield f"maven/{library.get('group')}:{library.get('name')}"


def _nothing(_text: str) -> Iterator[str]:
    """Yield nothing: a file that only configures."""
    yield from ()


def _loaded(decode: Callable[[bytes], Any], text: str) -> dict[str, Any]:
    """Return a decoded table; raises Unparsable."""
    try:
        body = decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Unparsable(str(error)) from error
    if not isinstance(body, dict):
        raise Unparsable("not a table of settings")
    return body


def _mapping(value: object) -> dict[str, Any]:
    """Return a value as a table, an empty one if it is none."""
    return value if isinstance(value, dict) else {}


_READERS: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "package.json": _npm,
    "pyproject.toml": _pyproject,
    "go.mod": _go,
    "pom.xml": _pom,
    "build.gradle": _gradle,
    "build.gradle.kts": _gradle,
    "libs.versions.toml": _catalogue,
    **dict.fromkeys(
        ("logback.xml", "logback-spring.xml", "log4j2.xml", "log4j2-spring.xml"), _nothing
    ),
}


def _reader(name: str) -> Callable[[str], Iterator[str]] | None:
    """Return what reads a file of this name, if anything."""
    if name.startswith("requirements") and name.endswith(".txt"):
        return _requirements
    return _READERS.get(name)


def is_package(name: str) -> bool:
    """Tell whether a file of this name says something about packages or loggers."""
    return _reader(name) is not None


def read(path: str, text: str) -> Package:
    """Return what a package file says, up to its first error; raises Unparsable for none."""
    name = path.rpartition("/")[2]
    package = Package(path, [], structured=name.endswith(".xml") and _encodes(text))
    reader = _reader(name) or _nothing
    try:
        for found in reader(text):
            package.declared.append(Declared(found, _line(text, found)))
    except Unparsable as error:
        if not package.declared:
            raise
        package.trouble = f"{error}; what stands above it was read"
    return package


def _encodes(text: str) -> bool:
    """Tell whether a logging configuration writes JSON."""
    found = elements(text)
    return any(
        names_formatter(element.attributes.get("class", "")) or names_formatter(element.name)
        for element in found
    )


def _line(text: str, package: str) -> int:
    """Return the line that names a package first."""
    name = package.partition("/")[2].rpartition(":")[2].lower()
    lines = text.lower().splitlines()
    return next((number for number, line in enumerate(lines, 1) if name in line), 1)
