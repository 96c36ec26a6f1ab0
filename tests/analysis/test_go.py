"""Go: what is counted, and what is wrong."""

import pytest

from tests.analysis.build import facts_of, rules_of


def a_function(body: str, results: str = "") -> str:
    """Return a file with one function."""
    return f"package a\nfunc f() {results} {{\n{body}\n}}\n"


def test_counts() -> None:
    """1.3, 1.6, 1.7, 1.8, 1.10 `if err != nil` is a count of its own; Go has no try."""
    facts = facts_of(
        "a.go",
        a_function(
            """
            if err != nil { fmt.Println(err) }
            if err := g(); err != nil && !errors.Is(err, io.EOF) { logger.Errorf("x") }
            if ok { sentry.CaptureException(err) }
            if closeErr != nil { slog.Warn("x") }
            if other != nil { h() }
            """
        ),
    )

    assert (facts.tries, facts.error_checks, facts.prints) == (0, 3, 1)
    assert (facts.errors, sorted(facts.levels), facts.reports) == (["EOF"], ["error", "warn"], [6])


@pytest.mark.parametrize(
    ("body", "results", "rules"),
    [
        ("if err := g(); err != nil { }", "", ["swallow"]),
        ("if err := g(); err != nil { return }", "", ["swallow"]),
        ("if err := g(); err != nil { return err }", "error", []),
        ("if err := g(); err != nil { return nil }", "error", ["return-none-on-error"]),
        ("if err := g(); err != nil { return 0, nil }", "(int, error)", ["return-none-on-error"]),
        ('if err := g(); err != nil { return fmt.Errorf("x: %w", err) }', "error", []),
        (
            "if err := g(); err != nil { log.Println(err); return err }",
            "error",
            ["log-and-rethrow"],
        ),
        ("if err := g(); err != nil { return }", "(n int, err error)", []),
        ("if r.err != nil { return }", "", []),
        ("for { if _, err := g(); err != nil { break } }", "", []),
        ("for _, x := range xs { if err := g(x); err != nil { continue } }", "", ["swallow"]),
        ("defer func() { recover() }()", "", ["swallow"]),
        ("defer func() { if r := recover(); r != nil { log.Println(r) } }()", "", []),
    ],
)
def test_patterns(body: str, results: str, rules: list[str]) -> None:
    """1.13 The patterns, and what looks like them."""
    assert [rule for rule, _, _ in rules_of("a.go", a_function(body, results))] == rules


RETRY = """
for i := 0; i < 3; i++ {
    v, err := g(%s)
    if err != nil { log.Printf("%%v", err); %s; continue }
    return v
}
"""


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        (("", "h()"), True),
        (("", "time.Sleep(1)"), False),
        (("", "<-ticker.C"), False),
        (("i", "h()"), False),
    ],
)
def test_retry_without_backoff(values: tuple[str, str], *, broken: bool) -> None:
    """1.13 The same call at once again is told; a pause or another argument is not."""
    found = [rule for rule, _, _ in rules_of("a.go", a_function(RETRY % values, "int"))]

    assert found == (["retry-without-backoff"] if broken else [])


def test_initialised_and_structured() -> None:
    """1.9, 1.11, 1.12 Clients started, JSON handlers and standard loggers are seen."""
    facts = facts_of(
        "a.go",
        'package a\nimport ("log/slog")\nfunc f() { otel.SetTracerProvider(p); '
        "slog.New(slog.NewJSONHandler(w, nil)); logrus.SetFormatter(&logrus.JSONFormatter{}) }",
    )

    assert (facts.initialised, facts.structured) == ({"opentelemetry"}, True)
    assert facts.frameworks == {"slog"}
    assert facts_of("a.go", "package a\nvar x = &logrus.JSONFormatter{}").structured
