"""JavaScript and TypeScript: what is counted, and what is wrong."""

import pytest

from tests.analysis.build import facts_of, rules_of


@pytest.mark.parametrize("path", ["a.js", "a.jsx", "a.mjs", "a.cjs", "a.ts", "a.tsx", "a.mts"])
def test_try_blocks_are_counted_by_hand(path: str) -> None:
    """1.2, 1.3 Nested try blocks count in every flavour of the language."""
    text = """
        function f() {
          try { try { a() } catch (e) { throw new TypeError("x") } } catch { b() }
          try { a() } finally { b() }
        }
        """

    facts = facts_of(path, text)

    assert (facts.tries, facts.errors, facts.trouble) == (2, ["TypeError"], "")


@pytest.mark.parametrize(
    ("text", "floats"),
    [
        ("fetch(u).then(r => r.json())", True),
        ("fetch(u).then(f).finally(g)", True),
        ("fetch(u).then(r => r.json()).catch(e)", False),
        ("fetch(u)\n  .then(f)\n  .catch(e)", False),
        ("fetch(u).then(f, e)", False),
        ("async () => { await fetch(u).then(f) }", False),
        ("const p = fetch(u).then(f)", False),
        ("() => { return fetch(u).then(f) }", False),
        ("() => fetch(u).then(f)", False),
        ("cy.get('a').then(f)", False),
        ("// fetch(u).then(f)", False),
    ],
)
def test_floating_promises(text: str, *, floats: bool) -> None:
    """1.4 A promise is floating if nobody waits, in whatever line its catch stands."""
    assert bool(facts_of("a.js", text).floating) is floats


def test_generic_catches() -> None:
    """1.5 An empty catch is generic, a comment in it or not; one that acts is not."""
    facts = facts_of(
        "a.ts", "try { a() } catch {}\ntry { a() } catch (e) { // x\n }\ntry {} catch (e) { b(e) }"
    )

    assert facts.generic == 2


def test_logging() -> None:
    """1.7, 1.8, 1.10 Console, levels and reports are told apart."""
    facts = facts_of(
        "a.js",
        """
        console.log(1); console.error(2);
        logger.warn("x"); req.log.info("x"); this.logger.error("x");
        Sentry.captureException(e);
        Math.log.info;
        """,
    )

    assert (facts.prints, sorted(facts.levels), facts.reports) == (
        2,
        ["error", "info", "warn"],
        [4],
    )
    assert facts_of("a.test.js", "console.log(1)").prints == 0


@pytest.mark.parametrize(
    ("text", "configured"),
    [
        ("const log = pino({ level: 'info' })", True),
        ("winston.createLogger({ format: winston.format.json() })", True),
        ("winston.createLogger({ format: winston.format.simple() })", False),
        ("const pino = require('pino')", False),
    ],
)
def test_structured_logging(text: str, *, configured: bool) -> None:
    """1.9 pino and winston's json are structure where they are configured."""
    assert facts_of("a.js", text).structured is configured


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("Sentry.init({ dsn })", "sentry"),
        ("const sdk = new NodeSDK({})", "opentelemetry"),
        ("client.collectDefaultMetrics()", "prometheus"),
    ],
)
def test_initialised(text: str, client: str) -> None:
    """1.12 Each client is initialised by a call."""
    assert facts_of("a.js", text).initialised == {client}


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("try { a() } catch {}", ["swallow"]),
        ("a().catch(() => {})", ["swallow"]),
        ("a().catch((e) => { log.error(e) })", []),
        ("try { a() } catch (e) { next(e) }", []),
        ("try { a() } catch (e) { console.error(e); throw e }", ["log-and-rethrow"]),
        ("for (const x of xs) { try { a(x) } catch (e) { n++ } }", ["broad-except-in-loop"]),
        ("for (const x of xs) { try { a(x) } catch (e) { if (e.code !== 1) throw e } }", []),
        ("for (const x of xs) { try { a(x) } catch (e) { errors.push(e) } }", []),
        ("for (const x of xs) { try { a(x) } catch (e) { if (e instanceof A) n++ } }", []),
        (
            "function f() { while (true) { try { return g() } catch (e) { log.error(e) } } }",
            ["retry-without-backoff"],
        ),
        (
            "async () => { while (true) { try { return g() } catch { await sleep(1) } } }",
            [],
        ),
        (
            "function f() { for (let i = 0; i < 3; i++) { try { return g(i) } catch { h() } } }",
            ["broad-except-in-loop"],
        ),
        ("const f = () => { try { return g() } catch { return null } }", ["return-none-on-error"]),
        ("const f = () => { try { g() } catch { return } }", ["swallow"]),
        ("const f = () => { try { return g() } catch { return h() } }", []),
    ],
)
def test_patterns(text: str, rules: list[str]) -> None:
    """1.13 The five patterns, and what looks like them."""
    assert [rule for rule, _, _ in rules_of("a.js", text)] == rules


def test_functions_are_named() -> None:
    """A finding names its class and method, or the variable that holds the function."""
    facts = facts_of(
        "a.ts",
        """
        class A { m(): void { try { a() } catch {} } }
        const f = async (x: number) => { try { a() } catch {} }
        """,
    )

    assert [handler.function for handler in facts.handlers] == ["A.m", "f"]


def test_ignore_comments() -> None:
    """A comment in the line or alone above it switches a rule off."""
    assert rules_of("a.js", "try { a() } catch {} // tocsin: ignore[swallow] fine\n") == []
    assert rules_of("a.js", "// tocsin: ignore\ntry { a() } catch {}\n") == []
    assert rules_of("a.js", "b(); // tocsin: ignore\ntry { a() } catch {}\n") != []


def test_a_syntax_error_is_told_and_the_rest_read() -> None:
    """1.2 A file that does not parse says where; what stands beside the error counts."""
    facts = facts_of("a.js", "try { a() } catch {}\nlet = = 3;\n")

    assert facts.trouble == "line 2: syntax error"
    assert facts.tries == 1
