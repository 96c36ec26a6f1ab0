"""The broker's jars: KAFKA_HOME, else fetched once by coordinates and checked against the lock."""

import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import platformdirs

from pipeline.io.resources import deploy
from pipeline.local.refused import Refused

OFFLINE = "no Kafka jars: set KAFKA_HOME to an unpacked Apache Kafka 4.x, or run once online"
AT_ONCE = 8

Progress = Callable[[int, int], None]


class Jar(NamedTuple):
    """One locked jar: coordinates, size in bytes, SHA-256 in hex."""

    group: str
    artifact: str
    version: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.artifact}-{self.version}.jar"


class Lock(NamedTuple):
    """The committed list of jars of one Kafka version."""

    kafka: str
    jars: tuple[Jar, ...]


def read_lock(path: Path | None = None) -> Lock:
    """Return the committed lock."""
    found = tomllib.loads((path or deploy() / "kafka" / "jars.lock.toml").read_text("utf-8"))
    return Lock(found["kafka"], tuple(Jar(**row) for row in found["jar"]))


def cache_folder() -> Path:
    """Return where fetched jars are kept."""
    return Path(platformdirs.user_cache_dir("tocsin")) / "kafka"


def is_intact(jar: Jar, path: Path) -> bool:
    """Whether the file is the locked one; a size that differs saves the reading."""
    if not path.is_file() or path.stat().st_size != jar.bytes:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _fetch(jar: Jar, folder: Path) -> None:
    """Fetch one jar into a folder of its own, check it, and move it in place at once.

    Two processes may fetch the same jar: each moves a whole, checked file.
    """
    from jgo.maven import MavenContext  # noqa: PLC0415  slow to import, needed once

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        context = MavenContext(repo_cache=Path(scratch), local_repos=[], timeout=30)
        project = context.project(jar.group, jar.artifact)
        try:
            path = project.at_version(jar.version).artifact(packaging="jar").resolve()
        except (OSError, RuntimeError) as error:
            raise Refused(f"{OFFLINE} ({jar.name}: {type(error).__name__})") from error
        if not is_intact(jar, path):
            raise Refused(f"{jar.name}: its SHA-256 is not the one in jars.lock.toml; not used")
        shutil.move(path, folder / jar.name)


def fetch(lock: Lock, folder: Path, progress: Progress) -> None:
    """Fetch what is missing or damaged; ``progress`` gets (bytes so far, bytes in all)."""
    missing = [jar for jar in lock.jars if not is_intact(jar, folder / jar.name)]
    total = sum(jar.bytes for jar in missing)
    done = 0
    if not missing:
        return
    progress(0, total)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"cannot write {folder}: {error.strerror}; set XDG_CACHE_HOME") from error
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_fetch, jar, folder): jar for jar in missing}
        try:
            for ended in as_completed(running):
                ended.result()
                done += running[ended].bytes
                progress(done, total)
        except Refused:
            pool.shutdown(cancel_futures=True)
            raise


def _unpacked(home: Path) -> list[Path]:
    """Return the jars of an unpacked Apache Kafka."""
    jars = sorted((home / "libs").glob("*.jar"))
    if not any(path.name.startswith("kafka-server-") for path in jars):
        raise Refused(f"KAFKA_HOME: no Apache Kafka 4.x in {home}/libs")
    return jars


def class_path(environment: Mapping[str, str], progress: Progress) -> str:
    """Return the broker's class path; fetches the jars at the first use.

    Raises Refused if KAFKA_HOME holds no Kafka, a jar is not the locked one, or no network.
    """
    if home := environment.get("KAFKA_HOME"):
        return os.pathsep.join(map(str, _unpacked(Path(home))))
    lock = read_lock()
    folder = cache_folder() / lock.kafka
    fetch(lock, folder, progress)
    return os.pathsep.join(str(folder / jar.name) for jar in lock.jars)
