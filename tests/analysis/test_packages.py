"""Package files: what they declare, and where they stop."""

import pytest

from pipeline.analysis import packages
from pipeline.analysis.facts import Unparsable
from tests.analysis.build import a_report, a_survey

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><dependencies><dependency>
<groupId>ch.qos.logback</groupId><artifactId>logback-classic</artifactId>
</dependency></dependencies></project>"""
GRADLE = """
// implementation "org.slf4j:slf4j-api:1"
plugins { id("log4j:log4j") }
dependencies {
    implementation("org.apache.logging.log4j:log4j-core:2.0")
    testImplementation group: 'io.sentry', name: 'sentry', version: '7'
}
"""
GO = """module a
require github.com/sirupsen/logrus v1.0.0 // indirect
require (
    go.uber.org/zap v1.2.3
)
replace (
    github.com/rs/zerolog => ../x
)
"""
POETRY = """
[tool.poetry.dependencies]
loguru = "*"
[tool.poetry.group.dev.dependencies]
Sentry_SDK = "*"
"""
PEP621 = """
[project]
dependencies = ["structlog>=1"]
[project.optional-dependencies]
x = ["opentelemetry-sdk"]
[dependency-groups]
dev = [{ include-group = "x" }, "python-json-logger"]
"""
CATALOGUE = """
[libraries]
a = "ch.qos.logback:logback-classic:1"
b = { module = "io.sentry:sentry", version = "1" }
c = { group = "io.prometheus", name = "client" }
"""


@pytest.mark.parametrize(
    ("path", "text", "frameworks", "monitoring"),
    [
        (
            "package.json",
            '{"dependencies":{"winston":"3"},"devDependencies":{"@sentry/node":"8"}}',
            ["winston"],
            ["sentry"],
        ),
        (
            "requirements.txt",
            "structlog==1 \\\n --hash=x\n-r other.txt\n# loguru\n",
            ["structlog"],
            [],
        ),
        ("requirements-dev.txt", "prometheus_client ; python_version > '3'\n", [], ["prometheus"]),
        ("pyproject.toml", POETRY, ["loguru"], ["sentry"]),
        ("pyproject.toml", PEP621, ["structlog", "python-json-logger"], ["opentelemetry"]),
        ("go.mod", GO, ["logrus", "zap"], []),
        ("pom.xml", POM, ["logback"], []),
        ("build.gradle", GRADLE, ["log4j"], ["sentry"]),
        ("build.gradle.kts", GRADLE.replace("'", '"'), ["log4j"], ["sentry"]),
        ("gradle/libs.versions.toml", CATALOGUE, ["logback"], ["sentry", "prometheus"]),
    ],
)
def test_frameworks_and_clients(
    path: str, text: str, frameworks: list[str], monitoring: list[str]
) -> None:
    """1.11, 1.12 Each format is read by its own rules: comments, other blocks, replacements not."""
    package = packages.read(path, text)

    assert list(package.frameworks()) == frameworks
    assert [client for client, _ in package.monitoring()] == monitoring


def test_an_encoder_in_a_configuration_is_structure() -> None:
    """1.9 logback's and log4j's JSON encoders are configured in XML."""
    plain = '<configuration><encoder class="a.PatternLayoutEncoder"/></configuration>'

    assert not packages.read("logback.xml", plain).structured
    assert packages.read("logback.xml", plain.replace("Pattern", "Logstash")).structured is False
    assert packages.read(
        "logback.xml", plain.replace("a.PatternLayoutEncoder", "net.logstash.LogstashEncoder")
    ).structured
    assert packages.read("log4j2.xml", "<C><JsonTemplateLayout/></C>").structured


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("package.json", "{", "Input data was truncated"),
        ("package.json", "[]", "not a table of settings"),
        ("pyproject.toml", "a = ", "Invalid value"),
        ("pom.xml", "<a>\n<b></a>", "line 2: mismatched tag"),
        (
            "pom.xml",
            '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
            "entities are not read",
        ),
        ("requirements.txt", "not a requirement!", "no requirement"),
    ],
)
def test_what_cannot_be_read_says_why(path: str, text: str, reason: str) -> None:
    """1.2 A package file that is broken is an error with its reason, entities are refused."""
    with pytest.raises(Unparsable, match=reason):
        packages.read(path, text)


def test_a_broken_requirement_keeps_what_stands_above() -> None:
    """1.2 What was read before an error counts, and the report says that the rest was not."""
    report = a_report({"requirements.txt": "loguru\n?!\nstructlog\n"})

    assert report.logging_usage.logging_frameworks == ["loguru"]
    assert [one.file for one in report.skipped] == ["requirements.txt"]


def test_a_client_that_is_never_started_is_told_at_its_line() -> None:
    """1.12 A client that is declared and not started gives advice; an API alone gives none."""
    survey = a_survey(
        {"requirements.txt": "flask\nsentry-sdk\nopentelemetry-api\n", "a.py": "print(1)"}
    )

    assert [(one.rule, one.file, one.line) for one in survey.findings()] == [
        ("monitoring-not-initialised", "requirements.txt", 2)
    ]
    survey.add("b.py", b"import sentry_sdk\nsentry_sdk.init()\n")
    assert survey.findings() == []
