"""Java: what is counted, and what is wrong."""

import pytest

from tests.analysis.build import facts_of, rules_of


def a_method(body: str, result: str = "void") -> str:
    """Return a class with one method."""
    return f"class A {{\n{result} f() {{\n{body}\n}}\n}}\n"


def test_counts() -> None:
    """1.3, 1.5, 1.6, 1.8, 1.10 Tries, generic catches, types, prints and levels of a class."""
    facts = facts_of(
        "A.java",
        a_method(
            """
            try (var x = open()) {
              try { g(); } catch (IOException | SQLException e) { LOG.warn("x", e); }
            } catch (Throwable t) { System.out.println(t); throw new IllegalStateException(t); }
            try { g(); } catch (java.lang.Exception e) { Sentry.captureException(e); }
            try { g(); } finally { h(); }
            """
        ),
    )

    assert (facts.tries, facts.generic, facts.prints) == (3, 2, 1)
    assert sorted(facts.errors) == [
        *("Exception", "IOException", "IllegalStateException", "SQLException", "Throwable"),
    ]
    assert (facts.levels, facts.reports) == ({"warn"}, [7])


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("try { g(); } catch (Exception e) { }", ["swallow"]),
        ("try { g(); } catch (IOException e) { /* x */ }", ["swallow"]),
        ("try { g(); } catch (IOException ignored) { }", []),
        ("try { g(); } catch (NumberFormatException e) { }", []),
        ("try { g(); } catch (IOException e) { log.error(e); throw e; }", ["log-and-rethrow"]),
        ("try { g(); } catch (IOException e) { log.error(e); throw new X(e); }", []),
        ("for (var x : xs) try { g(); } catch (Exception e) { n++; }", ["broad-except-in-loop"]),
        ("for (var x : xs) { try { g(); } catch (Exception e) { all.add(e); } }", []),
        (
            "while (true) { try { g(); break; } catch (IOException e) { log.warn(e); } }",
            ["retry-without-backoff"],
        ),
        ("while (true) { try { g(); break; } catch (IOException e) { Thread.sleep(9); } }", []),
        ("while (true) { try { g(); break; } catch (FooException e) { n(); } }", []),
    ],
)
def test_patterns(body: str, rules: list[str]) -> None:
    """1.13 The patterns, and what looks like them."""
    assert [rule for rule, _, _ in rules_of("A.java", a_method(body))] == rules


def test_null_on_error() -> None:
    """1.13 null in place of an error is told with its place."""
    text = a_method("try { return g(); } catch (IOException e) { return null; }", "Object")

    assert rules_of("A.java", text) == [("return-none-on-error", "medium", 3)]


def test_initialised_and_structured() -> None:
    """1.9, 1.12 Clients started and encoders built are seen."""
    facts = facts_of("A.java", a_method("Sentry.init(o); a.setEncoder(new LogstashEncoder());"))

    assert (facts.initialised, facts.structured) == ({"sentry"}, True)
    assert facts_of("A.java", "import java.util.logging.Logger;").frameworks == {
        "java.util.logging"
    }
