"""The embedded server: ClickHouse's HTTP interface, and what it refuses."""

import gzip
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import httpx
import lz4.frame
import psutil
import pytest
import zstandard

from tests.store.served import Served

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}


def _table(store: Served, name: str) -> str:
    """Make an empty table."""
    store.ask(f"DROP TABLE IF EXISTS tocsin.{name}")
    made = store.ask(f"CREATE TABLE tocsin.{name} (a UInt32, b String) ENGINE=MergeTree ORDER BY a")
    assert made.status_code == 200, made.text
    return f"tocsin.{name}"


def test_a_query_is_answered_with_clickhouses_headers(store: Served) -> None:
    """A query in the body gives rows, the format and a summary."""
    answer = store.ask("SELECT 1 AS a FORMAT JSONEachRow")

    assert answer.text == '{"a":1}\n'
    assert {"x-clickhouse-summary", "x-clickhouse-format", "x-clickhouse-timezone"} <= set(
        answer.headers
    )


def test_parameters_settings_and_database_come_by_url(store: Served) -> None:
    """``param_*`` binds, other names are settings, ``database`` is the current one."""
    answer = store.ask(
        "SELECT {a:String}, getSetting('max_threads'), currentDatabase()",
        param_a="x'y",
        max_threads="1",
        database="tocsin",
    )

    assert answer.text == "x\\'y\t1\ttocsin\n"


@pytest.mark.parametrize("coding", ENCODINGS)
def test_an_insert_is_taken_in_every_coding(store: Served, coding: str) -> None:
    """A compressed body of JSON lines becomes rows."""
    table = _table(store, f"coding_{coding}")
    body = b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n'
    answer = httpx.post(
        store.url,
        params={"query": f"INSERT INTO {table} FORMAT JSONEachRow"},
        content=ENCODINGS[coding](body),
        headers={"Content-Encoding": coding},
    )

    assert answer.status_code == 200, answer.text
    assert store.ask(f"SELECT sum(a) FROM {table}").text == "3\n"


def test_a_chunked_insert_with_its_statement_in_the_body(store: Served) -> None:
    """Data may follow the statement in one chunked body, whatever the chunks are."""
    table = _table(store, "chunked")

    def chunks() -> list[bytes]:
        text = f"INSERT INTO {table} FORMAT JSONEachRow\n" + '{"a":1,"b":"x"}\n' * 1000
        return [text[at : at + 37].encode() for at in range(0, len(text), 37)]

    answer = httpx.post(store.url, content=iter(chunks()))

    assert answer.status_code == 200, answer.text
    assert store.ask(f"SELECT count() FROM {table}").text == "1000\n"


def test_clickhouse_connect_reads_and_writes(store: Served) -> None:
    """The official client works: rows, parameters, inserts, commands."""
    table = _table(store, "connected")
    client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port)
    try:
        client.insert(table, [[1, "x"], [2, "y\n'"]], column_names=["a", "b"])
        found = client.query(f"SELECT b FROM {table} WHERE a = {{a:UInt32}}", {"a": 2})

        assert found.result_rows == [("y\n'",)]
    finally:
        client.close()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT * FROM tocsin.nope", 404, 60),
        ("SELECT * FROM nope.nope", 404, 81),
        ("SELEC 1", 400, 62),
        ("SELECT * FROM file('/etc/hostname', 'RawBLOB')", 403, 497),
        ("SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')", 403, 497),
        ("SELECT * FROM `/etc/hostname`", 404, 60),
        ("SELECT * FROM default.`/etc/hostname`", 403, 497),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 403, 497),
        ("SELECT 1 INTO /* hidden */ OUTFILE '/tmp/x'", 403, 497),
        ("INSERT INTO tocsin.events FROM INFILE '/etc/passwd' FORMAT CSV", 403, 497),
        ("SELECT * FROM python(1)", 403, 497),
        ("SELECT * FROM `python`(1)", 403, 497),
        ("SELECT $$'$$ INTO OUTFILE '/tmp/x'", 403, 497),
        ("SELECT $a$'$a$ INTO OUTFILE '/tmp/x' --'", 403, 497),
        ("SELECT \u2018'\u2019 INTO OUTFILE '/tmp/x'", 403, 497),
        ("SELECT 1; SELECT 2", 400, 62),
        ("CREATE TABLE default.x (a UInt8) ENGINE=MergeTree ORDER BY a", 403, 497),
        ("CREATE TABLE tocsin.x (a String) ENGINE=File(CSV, '/etc/passwd')", 403, 497),
        ("SELECT * FROM remote('127.0.0.1:9000', system.one)", 403, 497),
        ("BACKUP TABLE tocsin.events TO File('/tmp/x')", 403, 497),
        ("SYSTEM SHUTDOWN", 403, 497),
        ("CREATE USER eve", 403, 497),
    ],
)
def test_what_is_refused(store: Served, query: str, status: int, code: int) -> None:
    """Files, URLs and users are out of reach; the answer has ClickHouse's code."""
    answer = store.ask(query)

    assert (answer.status_code, answer.headers["x-clickhouse-exception-code"]) == (
        status,
        str(code),
    )


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO tocsin.events (message) VALUES ('x')",
        "DROP TABLE tocsin.events",
        "SET max_threads = 1",
        "KILL QUERY WHERE 1",
    ],
)
def test_a_reader_only_reads(store: Served, query: str) -> None:
    """The user ``analyst`` can neither write, nor set, nor kill."""
    assert store.ask(query, user="analyst").status_code in {400, 403}
    assert store.ask("SELECT 1", user="analyst").text == "1\n"


def test_get_only_reads(store: Served) -> None:
    """A query by GET cannot write, so that a link cannot."""
    answer = httpx.get(store.url, params={"query": "DROP TABLE tocsin.events"})

    assert answer.status_code == 403
    assert store.ask("EXISTS tocsin.events").text == "1\n"


def test_a_trailing_semicolon_and_words_in_literals_are_fine(store: Served) -> None:
    """Only what a statement does counts, not what its texts say."""
    answer = store.ask("SELECT 'a; INTO OUTFILE b', 1 -- ; x\n;")

    assert answer.text == "a; INTO OUTFILE b\t1\n", answer.text


def test_memory_is_bounded(store: Served) -> None:
    """A query that wants too much ends with code 241, and the server lives."""
    answer = store.ask("SELECT groupArray(number) FROM numbers(10000000000)")

    assert answer.headers["x-clickhouse-exception-code"] == "241"
    assert store.ask("SELECT 1").text == "1\n"


def test_idle_it_is_small(tmp_path: Path) -> None:
    """A store that only waits keeps less than 350 MB."""
    served = Served(tmp_path)
    served.start()
    try:
        assert served.ask("SELECT 1").text == "1\n"
        assert psutil.Process(served.pid).memory_info().rss < 350 * 2**20
    finally:
        served.end()


def test_passwords_are_asked_for(tmp_path: Path) -> None:
    """A wrong password or an unknown user gets 401 and code 516."""
    served = Served(tmp_path, TOCSIN_STORE_PASSWORD="right", TOCSIN_STORE_ANALYST_PASSWORD="read")
    served.start()
    try:
        statuses = [
            served.ask("SELECT 1", user=user, password=password).status_code
            for user, password in (
                ("default", "right"),
                ("analyst", "read"),
                ("default", ""),
                ("eve", "right"),
            )
        ]
    finally:
        code = served.end()

    assert statuses == [200, 200, 401, 401]
    assert code == 0


def test_a_folder_in_use_is_one_sentence(store: Served) -> None:
    """A second store on the same folder ends with exit code 2."""
    command = [sys.executable, "-m", "pipeline", "store", "--data", str(store.data)]
    second = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, check=False)

    assert second.returncode == 2
    assert "in use" in second.stderr


def test_rows_survive_a_kill(tmp_path: Path) -> None:
    """After kill -9 the store opens again with what it had acknowledged."""
    served = Served(tmp_path)
    served.start()
    table = _table(served, "kept")
    served.ask(f"INSERT INTO {table} VALUES (1, 'x')")
    served.end(signal.SIGKILL)
    served.start()

    try:
        assert served.ask(f"SELECT b FROM {table}").text == "x\n"
    finally:
        served.end()
