"""The only door to chDB: queries, streamed inserts, sessions, limits."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

# chDB imports it if it is there and needs it for nothing that is served: 30 MB less.
sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]

from chdb import ChdbError, connect  # noqa: E402  after the line above

from pipeline.store.guard import Refused, check, setting  # noqa: E402  the same

DATABASE = "tocsin"
AT_ONCE = 16
MEMORY_BYTES = 3 * 2**30
SESSION_S = 60.0
READER = {
    "max_execution_time": "30",
    "max_memory_usage": str(2 * 2**30),
    "max_result_bytes": str(200 * 2**20),
    "result_overflow_mode": "throw",
}
# FILE, URL and SOURCES are missing: file(), url(), s3(), remote() are closed for everyone. So is
# SYSTEM: SHUTDOWN sends SIGTERM to the whole process group, the supervisor's included.
_GRANTS = (
    "SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE,"
    " CREATE FUNCTION, DROP, TRUNCATE, OPTIMIZE, SHOW, KILL QUERY"
)
_USERS = f"""<clickhouse>
<profiles><default></default></profiles><quotas><default></default></quotas>
<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>
<quota>default</quota><grants><query>GRANT {_GRANTS} ON *.*</query></grants></default></users>
</clickhouse>"""
_CONFIG = f"""<clickhouse>
<max_server_memory_usage>{MEMORY_BYTES}</max_server_memory_usage>
<mark_cache_size>67108864</mark_cache_size>
<uncompressed_cache_size>0</uncompressed_cache_size>
<background_pool_size>2</background_pool_size>
<background_schedule_pool_size>4</background_schedule_pool_size>
<merge_tree><number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
<number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
<number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
</merge_tree>
</clickhouse>"""


class EngineError(Exception):
    """The engine's own words, which begin with the number of the exception."""


class Request(NamedTuple):
    """One statement as a client sends it."""

    query: str
    parameters: Mapping[str, str] = {}
    settings: Mapping[str, str] = {}
    database: str = ""
    format: str = "TabSeparated"
    session: str = ""
    is_reader: bool = False


class Answer(NamedTuple):
    """The body that a statement gave, and its numbers in ClickHouse's terms."""

    body: bytes
    summary: dict[str, int]


class _Session:
    """A connection that outlives its request: temporary tables live in it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.used_at = time.monotonic()


class Engine:
    """One data folder, which this process alone has opened."""

    def __init__(self, data: Path) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="tocsin-store-")
        folder = Path(self._scratch.name)
        (folder / "config.xml").write_text(_CONFIG, "utf-8")
        (folder / "users.xml").write_text(_USERS, "utf-8")
        files = f"config-file={folder / 'config.xml'}&users_config={folder / 'users.xml'}"
        self._address = f"{data}?{files}"
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._sessions: dict[str, _Session] = {}
        self._sessions_lock = threading.Lock()
        try:
            self._keeper = connect(self._address)
            self._keeper.query(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        except (ChdbError, RuntimeError) as error:
            self._scratch.cleanup()
            raise EngineError(str(error)) from error

    def run(self, request: Request) -> Answer:
        """Run one statement; raises EngineError or Refused."""
        check(request.query, is_reader=request.is_reader)
        with self._turns, self._connection(request) as connection:
            try:
                result = connection.query(
                    request.query, request.format, params=dict(request.parameters)
                )
            except ChdbError as error:
                raise EngineError(str(error)) from error
            summary = {
                "read_rows": result.storage_rows_read() or result.rows_read(),
                "read_bytes": result.storage_bytes_read() or result.bytes_read(),
                "written_rows": result.rows_written(),
                "written_bytes": result.bytes_written(),
                "result_rows": result.rows_read(),
                "elapsed_ns": int(result.elapsed() * 1e9),
            }
            return Answer(result.bytes() or b"", summary)

    def insert(self, request: Request, format_: str, chunks: Iterable[bytes]) -> Answer:
        """Stream the data of an INSERT at constant memory."""
        check(request.query, is_reader=request.is_reader)
        if request.is_reader:
            raise Refused(164, "INSERT needs a user that may write. (READONLY)")
        with self._turns, self._connection(request) as connection:
            try:
                with connection.send_insert(request.query, format_) as inserter:
                    for chunk in chunks:
                        inserter.append(chunk)
                    done = inserter.finish()
            except RuntimeError as error:
                raise EngineError(_own_words(str(error))) from error
        written = {"written_rows": done.rows_written, "written_bytes": done.bytes_written}
        return Answer(b"", {"read_rows": 0, "read_bytes": 0, **written, "result_rows": 0})

    def close(self) -> None:
        """Close every connection: the last one ends the engine."""
        with self._sessions_lock:
            for session in self._sessions.values():
                session.connection.close()
            self._sessions.clear()
        self._keeper.close()
        self._scratch.cleanup()

    def _connection(self, request: Request) -> "_Use":
        """Return a prepared connection as a context manager."""
        return _Use(self, request)

    def open(self, request: Request) -> tuple[Any, _Session | None]:
        """Return a fresh connection, or the session's, locked."""
        if not request.session:
            return connect(self._address), None
        with self._sessions_lock:
            self._forget_old_sessions()
            session = self._sessions.get(request.session)
            if session is None:
                session = self._sessions[request.session] = _Session(connect(self._address))
            if not session.lock.acquire(blocking=False):
                raise Refused(373, "Session is locked by a concurrent client. (SESSION_IS_LOCKED)")
        return session.connection, session

    def _forget_old_sessions(self) -> None:
        """Close sessions that nobody has used for a minute."""
        now = time.monotonic()
        for name, session in list(self._sessions.items()):
            if now - session.used_at > SESSION_S and session.lock.acquire(blocking=False):
                session.connection.close()
                del self._sessions[name]


class _Use:
    """One request's use of a connection: prepared on entry, closed or unlocked on exit."""

    def __init__(self, engine: Engine, request: Request) -> None:
        self._engine = engine
        self._request = request
        self._connection: Any = None
        self._session: _Session | None = None

    def __enter__(self) -> Any:
        self._connection, self._session = self._engine.open(self._request)
        try:
            for statement in _preparations(self._request):
                self._connection.query(statement)
        except ChdbError as error:
            self.__exit__()
            raise EngineError(str(error)) from error
        except Refused:
            self.__exit__()
            raise
        return self._connection

    def __exit__(self, *_: object) -> None:
        if self._session is None:
            self._connection.close()
        else:
            self._session.used_at = time.monotonic()
            self._session.lock.release()


def _preparations(request: Request) -> list[str]:
    """Return what is run before the statement; readonly comes last, nothing undoes it."""
    database = request.database if request.database not in {"", "default"} else DATABASE
    escaped = database.replace("\\", "\\\\").replace("`", "\\`")
    statements = [f"USE `{escaped}`"]
    statements += [setting(name, value) for name, value in request.settings.items()]
    if request.is_reader:
        statements += [setting(name, value) for name, value in READER.items()]
        statements.append("SET readonly = 1")
    return statements


def _own_words(text: str) -> str:
    """Return the message from ``Code:`` on; chDB puts words of its own before it."""
    at = text.find("Code: ")
    return text[at:] if at >= 0 else text
