"""The one door to ClickHouse: queries, commands and raw inserts by clickhouse-connect.

Exceptions::

    StoreError
    ├── StoreAway      nothing answers, or not now: wait and send the same again
    └── StoreRefused   the server understood and said no; ``row`` is the bad row of an insert
"""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from pipeline.store.settings import ClickHouseSettings

# TIMEOUT_EXCEEDED, TOO_MANY_QUERIES, TOO_MANY_PARTS, MEMORY_LIMIT_EXCEEDED, NETWORK_ERROR,
# TABLE_IS_READ_ONLY, KEEPER_EXCEPTION: the same bytes may be taken later.
_PASSING = frozenset({159, 202, 252, 241, 210, 242, 999})
_CODE = re.compile(r"Code: (\d+)")
_ROW = re.compile(r"at row (\d+)")
ASK_S = 60
# The driver writes a line for what it raises as well; the exception is told by whoever catches it.
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)


class StoreError(Exception):
    """Base of what ClickHouse can answer."""


class StoreAway(StoreError):
    """ClickHouse does not answer now; nothing was decided."""


class StoreRefused(StoreError):
    """ClickHouse says no; ``code`` is its number, ``row`` the bad row of an insert, from 1."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        code, row = _CODE.search(text), _ROW.search(text)
        self.code = int(code[1]) if code else 0
        self.row = int(row[1]) if row else None


class Client:
    """One client; connects at the first question, so that a store that is away can come later."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._inner: Any = None

    def _connected(self) -> Any:
        """Return the driver's client."""
        if self._inner is None:
            address = urlsplit(self._settings.url)
            self._inner = clickhouse_connect.get_client(
                host=address.hostname,
                port=address.port,
                secure=address.scheme == "https",
                username=self._settings.user,
                password=self._settings.password.get_secret_value(),
                autogenerate_session_id=False,
                query_retries=0,
                compress="lz4",
                connect_timeout=5,
                send_receive_timeout=ASK_S,
                pool_mgr=get_pool_manager(),
            )
        return self._inner

    def rows(self, query: str, parameters: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        """Return the rows of a query as dicts; ``{name:Type}`` are parameters."""
        with _translated(self._settings.url):
            result = self._connected().query(query, parameters=dict(parameters))
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def command(
        self,
        statement: str,
        parameters: Mapping[str, Any] = {},
        settings: Mapping[str, Any] = {},
    ) -> None:
        """Run a statement that returns nothing."""
        with _translated(self._settings.url):
            self._connected().command(
                statement, parameters=dict(parameters), settings=dict(settings)
            )

    def insert(self, table: str, lines: bytes, settings: Mapping[str, Any] = {}) -> None:
        """Insert JSON lines as they are; all or, within one block, none of them."""
        with _translated(self._settings.url):
            self._connected().raw_insert(
                table, insert_block=lines, fmt="JSONEachRow", settings=dict(settings)
            )

    def close(self) -> None:
        """End."""
        if self._inner is not None:
            self._inner.close()


class _translated:  # noqa: N801  reads as a clause: with _translated()
    """Turns the driver's exceptions into ours; with the address where nothing answered."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc.rpartition("@")[2]

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, raised: BaseException | None, _trace: object) -> None:
        if isinstance(raised, HTTPError | ConnectionError | TimeoutError):
            raise StoreAway(self._silent(raised)) from raised
        if isinstance(raised, ClickHouseError):
            text = str(raised)
            code = _CODE.search(text)
            cause = raised.__cause__
            if code is None and isinstance(cause, HTTPError | OSError):
                raise StoreAway(self._silent(cause)) from raised
            if code is None or int(code[1]) in _PASSING:
                raise StoreAway(text) from raised
            raise StoreRefused(text) from raised

    def _silent(self, cause: BaseException) -> str:
        """Return the sentence; urllib3's own repeats address and query, three deep."""
        kind = type(getattr(cause, "reason", None) or cause).__name__
        return f"no answer from {self._address} ({kind})"


def connect(settings: ClickHouseSettings) -> Client:
    """Return a client."""
    return Client(settings)
