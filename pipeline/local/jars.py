"""The broker's jars: KAFKA_HOME, else fetched once by coordinates and checked against the lock."""

import hashlib
import os
import re
import tempfile
import threading
import tomllib
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import platformdirs

from pipeline.io.resources import deploy
from pipeline.local.refused import Refused

OFFLINE = "no Kafka jars: set KAFKA_HOME to an unpacked Apache Kafka 4.x, or run once online"
AT_ONCE = 8

_CLIENTS = re.compile(r"kafka-clients-(\d+)")
OLDEST = 4


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


Progress = Callable[[int, int], None]
Download = Callable[[Jar, Path], Path]


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


def download(jar: Jar, folder: Path) -> Path:
    """Fetch one jar by its coordinates; raises OSError or RuntimeError."""
    from jgo.maven import MavenContext  # noqa: PLC0415  slow to import, needed once

    context = MavenContext(repo_cache=folder, local_repos=[], timeout=30)
    project = context.project(jar.group, jar.artifact)
    return Path(project.at_version(jar.version).artifact(packaging="jar").resolve())


def _fetch(jar: Jar, folder: Path, get: Download) -> None:
    """Fetch one jar into a folder of its own, check it, and move it in place at once.

    Two processes may fetch the same jar: each moves a whole, checked file.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            path = get(jar, Path(scratch))
            if not is_intact(jar, path):
                raise Refused(f"{jar.name}: its SHA-256 is not the one in jars.lock.toml; not used")
            path.replace(folder / jar.name)
    except (OSError, RuntimeError) as error:
        raise Refused(f"{OFFLINE} ({jar.name}: {type(error).__name__})") from error


def _fetch_all(jars: list[Jar], folder: Path, get: Download, progress: Progress) -> None:
    """Fetch jars side by side; raises Refused at the first that cannot be had.

    The threads are daemons: a slow network holds nobody who wants to leave.
    """
    left = deque(jars)
    answers: SimpleQueue[tuple[Jar, Refused | None]] = SimpleQueue()

    def work() -> None:
        """Fetch until nothing is left."""
        while True:
            try:
                jar = left.popleft()
            except IndexError:
                return
            problem: Refused | None = Refused(f"{jar.name} could not be fetched")
            try:
                _fetch(jar, folder, get)
                problem = None
            except Refused as refused:
                problem = refused
            finally:
                answers.put((jar, problem))

    for _ in range(min(AT_ONCE, len(jars))):
        threading.Thread(target=work, daemon=True).start()
    done, total = 0, sum(jar.bytes for jar in jars)
    for _ in jars:
        jar, problem = answers.get()
        if problem is not None:
            left.clear()
            raise problem
        done += jar.bytes
        progress(done, total)


def fetch(lock: Lock, folder: Path, progress: Progress, get: Download = download) -> None:
    """Fetch what is missing or damaged; ``progress`` gets (bytes so far, bytes in all)."""
    missing = [jar for jar in lock.jars if not is_intact(jar, folder / jar.name)]
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise Refused(f"cannot write {folder}: {error.strerror}; set XDG_CACHE_HOME") from error
    progress(0, sum(jar.bytes for jar in missing))
    _fetch_all(missing, folder, get, progress)


def _unpacked(home: Path) -> list[Path]:
    """Return the jars of an unpacked Apache Kafka."""
    jars = sorted((home / "libs").glob("*.jar"))
    versions = [int(match[1]) for path in jars if (match := _CLIENTS.match(path.name))]
    if not versions or min(versions) < OLDEST:
        found = f"Apache Kafka {versions[0]}" if versions else "no Apache Kafka"
        raise Refused(f"KAFKA_HOME: {found} in {home / 'libs'}; name an unpacked {OLDEST}.x")
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
