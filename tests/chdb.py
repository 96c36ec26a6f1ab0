"""A real store for the whole session, its tables made."""

from collections.abc import Iterator

import pytest

from pipeline.io.resources import schemas
from pipeline.store.migrate import migrate, read_migrations
from tests.store.served import Served


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve one store; tests that need empty tables truncate them."""
    served = Served(tmp_path_factory.mktemp("store"))
    served.start()
    client = served.client()
    migrate(client, read_migrations(schemas() / "clickhouse"))
    client.close()
    yield served
    served.end()
