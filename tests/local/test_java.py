"""Which Java runs the broker."""

from pathlib import Path

import pytest

from pipeline.local.java import find_java
from pipeline.local.refused import Refused


def a_home(folder: Path, release: str | None, banner: str = "") -> Path:
    """Make something that looks like a Java: a release file, or a binary that tells."""
    binary = folder / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    binary.chmod(0o755)
    if release is not None:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return folder


def test_the_wheel_is_used_where_none_is_named() -> None:
    """Without JAVA_HOME the runtime of the wheel runs, and is new enough."""
    java = find_java({})

    assert java.binary.is_file()
    assert java.version >= 17


@pytest.mark.parametrize(("release", "version"), [("17.0.2", 17), ("25", 25)])
def test_java_home_goes_first(tmp_path: Path, release: str, version: int) -> None:
    """A Java that is new enough is used."""
    home = a_home(tmp_path, release)

    java = find_java({"JAVA_HOME": str(home)})

    assert java == (home / "bin" / "java", version)


@pytest.mark.parametrize(("release", "version"), [("1.8.0_402", 8), ("11.0.22", 11)])
def test_an_old_java_is_one_sentence(tmp_path: Path, release: str, version: int) -> None:
    """A Java before 17 is refused: its version, where it is, what to do."""
    home = a_home(tmp_path, release)

    with pytest.raises(Refused) as refused:
        find_java({"JAVA_HOME": str(home)})

    assert str(refused.value) == (
        f"JAVA_HOME: Java {version} in {home} is too old for Kafka 4; name a Java 17+ or unset it"
    )


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    """The binary's own banner tells."""
    home = a_home(tmp_path, None, 'openjdk version "21.0.1" 2023-10-17')

    assert find_java({"JAVA_HOME": str(home)}).version == 21


def test_what_is_no_java_is_refused(tmp_path: Path) -> None:
    """An empty folder, a program that says nothing, and a file that is no program."""
    silent = a_home(tmp_path / "silent", None, "hello")
    broken = a_home(tmp_path / "broken", None)
    (broken / "bin" / "java").write_bytes(b"\x7fELF but not really")

    for home in (tmp_path, silent, broken):
        with pytest.raises(Refused, match="JAVA_HOME: "):
            find_java({"JAVA_HOME": str(home)})
