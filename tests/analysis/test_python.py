"""Python: what is counted, and what is wrong."""

import pytest

from tests.analysis.build import facts_of, findings_of, rules_of


def test_try_blocks_are_counted_by_hand() -> None:
    """1.3 Nested `try` and `try*/except*` count each; one without a handler catches nothing."""
    facts = facts_of(
        "a.py",
        """
        try:
            try:
                f()
            except KeyError:
                try:
                    g()
                finally:
                    h()
        except* ValueError:
            pass
        """,
    )

    assert facts.tries == 2


def test_dropped_tasks_are_floating() -> None:
    """1.4 A task that nobody keeps is told; one of a group, or kept, or awaited, is not."""
    facts = facts_of(
        "a.py",
        """
        import asyncio as aio
        from asyncio import create_task
        async def f():
            aio.create_task(g())
            create_task(g())
            asyncio.get_running_loop().create_task(g())
            kept = create_task(g())
            await create_task(g())
            async with aio.TaskGroup() as group:
                group.create_task(g())
        """,
    )

    assert facts.floating == [(5, "f"), (6, "f"), (7, "f")]


def test_generic_catches() -> None:
    """1.5 Bare `except:` and `except Exception` are generic; typed handlers are not."""
    facts = facts_of(
        "a.py",
        """
        try: f()
        except: g()
        try: f()
        except Exception: pass
        try: f()
        except (KeyError, ValueError): pass
        except OSError: pass
        """,
    )

    assert facts.generic == 2


def test_error_types() -> None:
    """1.6 Each type caught or raised is named without its module; a variable is no type."""
    facts = facts_of(
        "a.py",
        """
        import socket
        try: f()
        except (KeyError, requests.HTTPError) as error: raise
        except socket.error: raise error
        except NETWORK_ERRORS: raise ValueError("x") from None
        raise KeyError
        """,
    )

    assert sorted(facts.errors) == ["HTTPError", "KeyError", "KeyError", "ValueError", "error"]


def test_error_reports_and_levels() -> None:
    """1.7, 1.10 captures and logger.exception are reports; levels are those that are called."""
    facts = facts_of(
        "a.py",
        """
        import logging
        from sentry_sdk import capture_exception as caught
        logging.getLogger(__name__).warning("x")
        self._log.exception("x")
        caught(error)
        sdk.capture_message("x")
        dialog.error("not a logger")
        """,
    )

    assert facts.reports == [5, 6, 7]
    assert facts.levels == {"warning", "error"}
    assert facts.frameworks == {"logging"}


@pytest.mark.parametrize(("path", "count"), [("a.py", 2), ("tests/a.py", 0), ("test_a.py", 0)])
def test_prints(path: str, count: int) -> None:
    """1.8 print counts outside tests, unless it writes into a file."""
    facts = facts_of(path, "print(1)\nprint(2, file=sys.stderr)\nprint(3, file=handle)\n")

    assert facts.prints == count


@pytest.mark.parametrize(
    ("text", "configured"),
    [
        ("import structlog\nstructlog.get_logger().info('x')", False),
        ("from structlog import configure\nconfigure()", True),
        ("handler.setFormatter(jsonlogger.JsonFormatter())", True),
        ("class JsonFormatter(Formatter): pass", False),
        ("dictConfig({'formatters': {'x': {'()': 'pythonjsonlogger.json.JsonFormatter'}}})", True),
    ],
)
def test_structured_logging(text: str, *, configured: bool) -> None:
    """1.9 Structured means configured, not imported."""
    assert facts_of("a.py", text).structured is configured


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("import sentry_sdk\nsentry_sdk.init()", "sentry"),
        ("from opentelemetry.trace import set_tracer_provider as s\ns(p)", "opentelemetry"),
        ("from prometheus_client import start_http_server\nstart_http_server(1)", "prometheus"),
        ("from pipeline import sdk\nsdk.init()", "tocsin"),
    ],
)
def test_initialised(text: str, client: str) -> None:
    """1.12 Each client is initialised by a call, under whatever name it was imported."""
    assert facts_of("a.py", text).initialised == {client}


def test_swallow() -> None:
    """1.13 A handler of everything that does nothing swallows; one for a type does not."""
    text = """
        def f():
            try: g()
            except Exception: pass
            try: g()
            except KeyError: pass
            try: g()
            except Exception as e: log.debug(e)
            with contextlib.suppress(Exception): g()
            with contextlib.suppress(KeyError): g()
        """

    assert rules_of("a.py", text) == [("swallow", "high", 4), ("swallow", "high", 9)]


def test_log_and_rethrow() -> None:
    """1.13 Logging an error and raising the same tells it twice; wrapping it does not."""
    text = """
        try: g()
        except OSError as e:
            logger.error("x %s", e)
            raise
        try: g()
        except OSError as e:
            logger.error("x")
            raise Failed from e
        """

    assert rules_of("a.py", text) == [("log-and-rethrow", "low", 3)]


RETRY = """
def f():
    for attempt in range(3):
        try:
            return fetch(url)
        except ConnectionError:
            {0}
"""


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        (RETRY.format("continue"), True),
        (RETRY.format("time.sleep(2 ** attempt)"), False),
        (RETRY.format("raise"), False),
        (RETRY.format("pass").replace("ConnectionError", "KeyError"), False),
        (RETRY.format("pass").replace("range(3)", "mirrors"), False),
        (RETRY.format("pass").replace("fetch(url)", "fetch(attempt)"), False),
        (RETRY.format("url = following(url)"), False),
    ],
)
def test_retry_without_backoff(text: str, *, broken: bool) -> None:
    """1.13 The same operation at once again is told; a pause, a next candidate, an end are not."""
    assert rules_of("a.py", text) == ([("retry-without-backoff", "medium", 6)] if broken else [])


def test_broad_except_in_loop() -> None:
    """1.13 A loop that goes on after any error is told, unless the error is kept or leaves it."""
    text = """
        for item in items:
            try: f(item)
            except Exception: failed += 1
            try: f(item)
            except Exception as e: errors.append(e)
            try: f(item)
            except Exception as e:
                log.error(e)
                break
            try: f(item)
            except Exception:
                logger.exception("x")
        """

    assert rules_of("a.py", text) == [
        ("broad-except-in-loop", "medium", 4),
        ("broad-except-in-loop", "low", 12),
    ]


def test_return_none_on_error() -> None:
    """1.13 None in place of an error is told where other returns give values."""
    text = """
        def f():
            try: return g()
            except Exception: return None
        def procedure():
            try: g()
            except Exception:
                log.error("x")
                return
        def lookup():
            try: return d[1]
            except KeyError: return None
        """

    assert rules_of("a.py", text) == [("return-none-on-error", "medium", 4)]


def test_a_finding_shows_its_place() -> None:
    """1.13 A finding carries file:line, function and lines, indent taken off."""
    (found,) = findings_of(
        "src/a.py",
        """
        class A:
            def f(self):
                try: g()
                except Exception:
                    pass
        """,
    )

    assert (found.file, found.line, found.function) == ("src/a.py", 5, "A.f")
    assert found.snippet == "except Exception:\n    pass"
    assert found.swallows


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# tocsin: ignore", 0),
        ("# tocsin: ignore[swallow] the cache may be gone", 0),
        ("# tocsin: ignore[log-and-rethrow, swallow]", 0),
        ("# tocsin: ignore[log-and-rethrow]", 1),
        ("'# tocsin: ignore'", 1),
    ],
)
def test_a_comment_switches_a_rule_off(comment: str, left: int) -> None:
    """A comment in the line, or alone above it, switches off what it names; a text does not."""
    if comment.startswith("#"):
        above = f"try: f()\n{comment}\nexcept Exception: pass\n"
        assert len(rules_of("a.py", above)) == left
    inside = f"try: f()\nexcept Exception: {'pass ' * comment.startswith('#')} {comment}\n"
    assert len(rules_of("a.py", inside)) == left


def test_deep_expressions_do_not_recurse() -> None:
    """An expression as deep as the parser takes costs no recursion of ours."""
    assert facts_of("a.py", "x = " + "+".join(["f()"] * 900)).tries == 0
