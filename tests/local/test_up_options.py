"""What `tocsin up` is asked for: ports, and addresses that the user brings."""

from pathlib import Path

import msgspec
import pytest

from pipeline.local import state
from pipeline.local.ports import HOST, free_port
from tests.local.test_commands import tocsin
from tests.local.test_state import a_process
from tests.local.test_status import running


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    """A number outside 0 to 65535 names the option; exit code 2."""
    code, _, error = tocsin("up", "--data", tmp_path, "--kafka-port", port)

    assert code == 2
    assert "--kafka-port" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("name", ["GATEWAY", "API"])
def test_a_setting_that_is_no_port_is_refused(tmp_path: Path, name: str) -> None:
    """The same holds for the settings that two of the options default to."""
    variable = f"TOCSIN_{name}__PORT"

    code, _, error = tocsin("up", "--data", tmp_path, **{variable: "65536"})

    assert code == 2
    assert error.startswith(f"tocsin: {variable}")


@pytest.mark.parametrize("pair", [("gateway", "api"), ("kafka", "clickhouse")])
def test_a_port_for_two_is_one_sentence(tmp_path: Path, pair: tuple[str, str]) -> None:
    """The same port given twice names both options; exit code 2."""
    port = free_port()
    ports = dict.fromkeys(("kafka", "clickhouse", "gateway", "api"), 0) | dict.fromkeys(pair, port)

    code, _, error = tocsin(
        "up", "--data", tmp_path, *(f"--{name}-port={n}" for name, n in ports.items())
    )

    assert (code, error) == (
        2,
        f"tocsin: port {port} is given to both --{pair[0]}-port and --{pair[1]}-port",
    )


def test_configured_addresses_are_used(tmp_path: Path) -> None:
    """A Kafka in the environment and a ClickHouse in the file are not started here."""
    servers, url = f"{HOST}:{free_port()}", f"http://{HOST}:{free_port()}"
    file = tmp_path / "tocsin.toml"
    file.write_text(f'[clickhouse]\nurl = "{url}"\n')
    data = tmp_path / "data"

    code, _, error = tocsin(
        *("up", "--data", data, "--gateway-port", 0, "--api-port", 0),
        TOCSIN_KAFKA__BOOTSTRAP_SERVERS=servers,
        TOCSIN_CONFIG=str(file),
        JAVA_HOME=str(tmp_path),
    )

    left = state.read(data)
    assert code == 2
    assert error.startswith("tocsin: `tocsin topics create` failed: no Kafka broker answers at ")
    assert servers in error
    assert left is not None
    assert (left.endpoints.clickhouse_url, left.processes) == (url, [])


def test_an_empty_address_is_the_embedded_part(tmp_path: Path) -> None:
    """An explicit empty option wins over the setting: an unusable Java is refused."""
    code, _, error = tocsin(
        *("up", "--data", tmp_path, "--bootstrap-servers", ""),
        *(f"--{name}-port=0" for name in ("kafka", "clickhouse", "gateway", "api")),
        TOCSIN_KAFKA__BOOTSTRAP_SERVERS=f"{HOST}:1",
        JAVA_HOME=str(tmp_path),
    )

    assert code == 2
    assert error.startswith("tocsin: JAVA_HOME")


def test_a_failed_stage_stands_in_the_header(tmp_path: Path) -> None:
    """`status` names what failed beside the phase; exit code 0."""
    failed = msgspec.structs.replace(a_process(0, 0.0), stage="alert", state="failed")
    running_here = msgspec.structs.replace(running(), processes=[failed])
    state.write(tmp_path, running_here)

    code, output, _ = tocsin("status", "--data", tmp_path)

    assert (code, output.splitlines()[0].strip()) == (0, "tocsin: running, failed: alert-0")


@pytest.mark.parametrize("command", [("migrate",), ("issues", "list")])
def test_a_store_that_is_away_is_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    """The address and the reason, no line of the driver's."""
    address = f"{HOST}:{free_port()}"

    code, output, error = tocsin(
        *command, "--data", tmp_path, TOCSIN_CLICKHOUSE__URL=f"http://me:hunter2@{address}"
    )

    assert (code, output) == (2 if command == ("migrate",) else 1, "")
    said = f"tocsin: ClickHouse: no answer from {address} (NewConnectionError)"
    assert error.removesuffix("; is `tocsin up` running?") == said
