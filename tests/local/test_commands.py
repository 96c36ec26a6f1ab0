"""`tocsin up`, `down`, `status` and `config` as people type them: sentences and exit codes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pipeline.local import state
from pipeline.local.ports import HOST, free_port
from tests.local.test_java import a_home
from tests.local.test_state import ENDS
from tests.local.test_status import running


def tocsin(*arguments: object, **environment: str) -> tuple[int, str, str]:
    """Run one command line; return exit code, output, error."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.strip()


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("name", ["kafka", "clickhouse", "gateway", "api"])
def test_a_taken_port_is_one_sentence(tmp_path: Path, taken: int, name: str) -> None:
    """Whose port it is, and the option that changes it; exit code 2."""
    ports = dict.fromkeys(("kafka", "clickhouse", "gateway", "api"), 0) | {name: taken}
    options = [part for n, port in ports.items() for part in (f"--{n}-port", port)]

    code, _, error = tocsin("up", "--data", tmp_path, *options)

    assert (code, error) == (
        2,
        f"tocsin: port {taken} for {name} is taken; choose another with --{name}-port",
    )


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_folder_in_use_is_one_sentence(tmp_path: Path, detach: tuple[str, ...]) -> None:
    """A second `up` on a folder is refused, in the background too; exit code 2."""
    with state.locked(tmp_path):
        code, _, error = tocsin("up", "--data", tmp_path, *detach)

    assert code == 2
    assert error.startswith(f"tocsin: {tmp_path} is in use by another tocsin")
    assert "\n" not in error


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder that cannot be made; exit code 2."""
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"

    code, _, error = tocsin("up", "--data", data)

    assert (code, error) == (
        2,
        f"tocsin: cannot write {data}: Not a directory; choose another --data",
    )


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_an_old_java_is_one_sentence(tmp_path: Path, detach: tuple[str, ...]) -> None:
    """A Java 11 at JAVA_HOME: one sentence, exit code 2, and nothing is left running."""
    home = a_home(tmp_path / "java", "11.0.22")
    ports = [f"--{n}-port=0" for n in ("kafka", "clickhouse", "gateway", "api")]

    code, _, error = tocsin("up", "--data", tmp_path / "data", *ports, *detach, JAVA_HOME=str(home))

    assert (code, error) == (
        2,
        f"tocsin: JAVA_HOME: Java 11 in {home} is too old for Kafka 4; name a Java 17+ or unset it",
    )
    with state.locked(tmp_path / "data"):
        pass


def test_nothing_runs(tmp_path: Path) -> None:
    """`status` says so with exit code 1, `down` has nothing to do."""
    status = tocsin("status", "--data", tmp_path)

    down = tocsin("down", "--data", tmp_path)

    assert status == (
        1,
        "",
        f"tocsin: nothing runs in {tmp_path}; start it with `tocsin up`",
    )
    assert down == (0, f"nothing runs in {tmp_path}\n", "")


def test_an_unknown_variable_is_named() -> None:
    """A typing error in the environment stops `up`, `check` and `show`; exit code 2."""
    for command in (("config", "check"), ("config", "show"), ("up",)):
        code, _, error = tocsin(*command, TOCSIN_KAFAK__PARTITIONS="8")

        assert (code, error) == (
            2,
            "tocsin: TOCSIN_KAFAK__PARTITIONS: no such setting; see `tocsin config show`",
        )


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[kafka]\npartitons = 4\n", "kafka.partitons: Extra inputs are not permitted"),
        ("[kafak]\nx = 1\n", "kafak: Extra inputs are not permitted"),
        ("[clickhouse]\npassword = ['hunter2']\n", "clickhouse.password: Input should be a valid"),
        ("[kafka\n", "is no TOML: "),
    ],
)
def test_a_bad_file_is_named_with_its_key(tmp_path: Path, toml: str, said: str) -> None:
    """The file and the key are told, never the value; exit code 2."""
    file = tmp_path / "tocsin.toml"
    file.write_text(toml)

    code, _, error = tocsin("config", "check", file)

    assert code == 2
    assert error.startswith(f"tocsin: {file}")
    assert said in error
    assert "hunter2" not in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOCSIN_KAFKA__PARTITIONS", "hunter2"),
        ("TOCSIN_KAFKA__NOPE", "hunter2"),
        ("TOCSIN_GATEWAY__KEYS", "hunter2"),
        ("TOCSIN_KAFKA", "hunter2"),
    ],
)
def test_a_bad_variable_is_named_without_its_value(name: str, value: str) -> None:
    """Each kind of bad variable is one sentence with its name or its field; exit code 2."""
    code, _, error = tocsin("config", "check", **{name: value})

    assert code == 2
    assert name.rpartition("_")[2].lower() in error.lower()
    assert value not in error
    assert "Traceback" not in error


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file does not pass for an empty one."""
    file = tmp_path / "nope.toml"

    assert tocsin("config", "check", file)[::2] == (2, f"tocsin: TOCSIN_CONFIG: no file {file}")


def test_secrets_are_masked() -> None:
    """`config show` prints every setting in force, and no secret."""
    code, output, _ = tocsin(
        "config",
        "show",
        "--json",
        TOCSIN_CLICKHOUSE__PASSWORD="hunter2",
        TOCSIN_CLICKHOUSE__URL="https://me:hunter2@clickhouse:8443/x",
        TOCSIN_GATEWAY__KEYS='{"hunter2": "shop"}',
        TOCSIN_KAFKA__CLIENT='{"sasl.password": "hunter2"}',
        TOCSIN_KAFKA__PARTITIONS="8",
    )

    found = json.loads(output)
    assert code == 0
    assert "hunter2" not in output
    assert found["kafka"]["partitions"] == 8
    assert found["clickhouse"]["url"] == "https://***@clickhouse:8443/x"


def test_the_broker_that_the_user_brings_is_not_started(tmp_path: Path) -> None:
    """With --bootstrap-servers an unusable Java is nobody's business: topics fail next."""
    ports = [f"--{n}-port=0" for n in ("gateway", "api")]
    servers, url = f"{HOST}:{free_port()}", f"http://{HOST}:{free_port()}"

    code, _, error = tocsin(
        *("up", "--data", tmp_path, *ports),
        *("--bootstrap-servers", servers, "--clickhouse-url", url),
        JAVA_HOME=str(tmp_path),
    )

    assert code == 2
    assert error.startswith("tocsin: `tocsin topics create` failed: ")
    assert servers in error


@pytest.mark.parametrize("command", [("config", "check"), ("up",), ("up", "--detach")])
def test_wrong_rules_and_channels_are_refused_at_once(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A path that is not there and every complaint about a file are told; exit code 2."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {name: a, typ: x}\n  - {name: b, typ: y}\n")
    data = {"TOCSIN_DATA": str(tmp_path / "data")}

    absent = tocsin(*command, TOCSIN_NOTIFY__CHANNELS=str(tmp_path / "nope.yaml"), **data)
    wrong = tocsin(*command, TOCSIN_ALERT__RULES=str(rules), **data)

    assert absent[0] == wrong[0] == 2
    assert absent[2].startswith(f"tocsin: {tmp_path / 'nope.yaml'}: cannot be read")
    lines = wrong[2].splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(f"tocsin: {rules}:") for line in lines)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("command", "name", "value", "said"),
    [
        (("topics", "list"), "TOCSIN_CONFIG", "/nope.toml", "TOCSIN_CONFIG: no file /nope.toml"),
        (("topics", "create"), "TOCSIN_KAFKA__PARTITIONS", "x", "TOCSIN_KAFKA__PARTITIONS (kafka."),
        (("migrate",), "TOCSIN_KAFAK__X", "1", "TOCSIN_KAFAK__X: no such setting"),
        (("issues", "list"), "TOCSIN_CONFIG", "/nope.toml", "TOCSIN_CONFIG: no file /nope.toml"),
    ],
)
def test_every_command_refuses_bad_settings(
    tmp_path: Path, command: tuple[str, ...], name: str, value: str, said: str
) -> None:
    """Commands that only read the settings refuse the same as `up`; exit code 2."""
    code, output, error = tocsin(*command, "--data", tmp_path, **{name: value})

    assert (code, output) == (2, "")
    assert error.startswith(f"tocsin: {said}")
    assert "\n" not in error


@pytest.mark.parametrize("command", [("topics", "list"), ("topics", "create"), ("migrate",)])
def test_commands_find_what_runs_in_the_folder(tmp_path: Path, command: tuple[str, ...]) -> None:
    """They ask at the addresses of the running `up`; one in the environment wins."""
    servers, url = f"{HOST}:{free_port()}", f"http://{HOST}:{free_port()}"
    ends = msgspec.structs.replace(ENDS, bootstrap_servers=servers, clickhouse_url=url)
    state.write(tmp_path, msgspec.structs.replace(running(), endpoints=ends))
    address = url.removeprefix("http://") if command == ("migrate",) else servers

    found = tocsin(*command, "--data", tmp_path)
    other = tocsin(
        *(*command, "--data", tmp_path),
        TOCSIN_KAFKA__BOOTSTRAP_SERVERS=f"{HOST}:1",
        TOCSIN_CLICKHOUSE__URL=f"http://{HOST}:1",
    )

    assert found[:2] == other[:2] == (2, "")
    assert address in found[2]
    assert address not in other[2]
    assert f"{HOST}:1" in other[2]
