"""One supervised process and its log."""

from pathlib import Path

from pipeline.local.child import LOG_LIMIT, Child, last_line, open_log
from tests.local.processes import ORDERLY, a_spec


def test_a_short_log_goes_on_and_a_long_one_begins_anew(tmp_path: Path) -> None:
    """A log is added to until it is longer than 10 MB at a start."""
    short, long = tmp_path / "short", tmp_path / "long"
    short.write_bytes(b"old\n")
    long.write_bytes(b"x" * (LOG_LIMIT + 1))

    for path in (short, long):
        with open_log(path) as log:
            log.write(b"new\n")

    assert (short.read_bytes(), long.read_bytes()) == (b"old\nnew\n", b"new\n")


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    """The last line is read from any log: none, empty, long, not UTF-8."""
    log = tmp_path / "log"
    found = [last_line(log)]

    for content in (b"", b"a\nb\n\n", b"x" * 10_000 + b"\nlast", b"\xff\n"):
        log.write_bytes(content)
        found.append(last_line(log))

    assert found == ["", "", "b", "last", "\ufffd"]


def test_an_end_by_itself_and_an_end_that_is_made(tmp_path: Path) -> None:
    """`end` tells which of the two it was, `kill` does not ask."""
    child = Child(a_spec(tmp_path, ORDERLY))
    child.start()
    by_itself = child.end(10)

    child.start()
    child.kill()

    assert by_itself
    assert child.is_gone()
    assert child.end(0)
