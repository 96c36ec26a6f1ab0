"""The broker's jars: nothing but what the lock names ever reaches the class path."""

import hashlib
import threading
from pathlib import Path

import pytest

from pipeline.local.jars import (
    OFFLINE,
    Jar,
    Lock,
    _unpacked,
    class_path,
    fetch,
    is_intact,
    read_lock,
)
from pipeline.local.refused import Refused


def a_jar(number: int) -> Jar:
    """Return a locked jar whose content is its name."""
    content = f"jar-{number}".encode()
    digest = hashlib.sha256(content).hexdigest()
    return Jar("org.example", f"jar-{number}", "1", len(content), digest)


LOCK = Lock("4.0.0", tuple(a_jar(number) for number in range(20)))


def served(jar: Jar, folder: Path) -> Path:
    """Give what the lock says."""
    path = folder / jar.name
    path.write_bytes(jar.artifact.encode())
    return path


def forged(jar: Jar, folder: Path) -> Path:
    """Give as many other bytes for one of them."""
    path = served(jar, folder)
    if jar == LOCK.jars[7]:
        path.write_bytes(b"JAR-7")
    return path


def offline(jar: Jar, folder: Path) -> Path:
    """Be without a network."""
    raise ConnectionError(f"no route to {jar.name} for {folder}")


def test_the_committed_lock_is_whole() -> None:
    """One Kafka 4 with its logger, each jar once, each with a hash."""
    lock = read_lock()
    names = [jar.name for jar in lock.jars]

    assert lock.kafka.startswith("4.")
    assert {f"kafka_2.13-{lock.kafka}.jar", "slf4j-simple-1.7.36.jar"} <= set(names)
    assert len(set(names)) == len(names) == 46
    assert all(len(jar.sha256) == 64 and jar.bytes > 0 for jar in lock.jars)


def test_what_is_missing_is_fetched_once(tmp_path: Path) -> None:
    """The first fetch takes all and tells how much, the second nothing."""
    told: list[tuple[int, int]] = []
    fetch(LOCK, tmp_path / "cache", lambda *now: told.append(now), served)
    first, told = told, []

    fetch(LOCK, tmp_path / "cache", lambda *now: told.append(now), offline)

    total = sum(jar.bytes for jar in LOCK.jars)
    assert (first[0], first[-1], len(first)) == ((0, total), (total, total), 21)
    assert told == []
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(
        jar.name for jar in LOCK.jars
    )


def test_a_damaged_jar_is_fetched_again(tmp_path: Path) -> None:
    """A jar that was cut off or changed on disk is replaced, the others stay."""
    fetch(LOCK, tmp_path, lambda *_: None, served)
    cut, changed = tmp_path / LOCK.jars[0].name, tmp_path / LOCK.jars[1].name
    cut.write_bytes(b"")
    changed.write_bytes(b"JAR-1")
    told: list[tuple[int, int]] = []

    fetch(LOCK, tmp_path, lambda *now: told.append(now), served)

    assert len(told) == 3
    assert all(is_intact(jar, tmp_path / jar.name) for jar in LOCK.jars)


def test_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    """Other bytes of the same length are named and never reach the cache."""
    with pytest.raises(Refused) as refused:
        fetch(LOCK, tmp_path, lambda *_: None, forged)

    assert str(refused.value) == (
        "jar-7-1.jar: its SHA-256 is not the one in jars.lock.toml; not used"
    )
    assert not (tmp_path / "jar-7-1.jar").exists()


def test_without_a_network_the_sentence_names_what_to_set(tmp_path: Path) -> None:
    """Offline with nothing cached: KAFKA_HOME is named."""
    with pytest.raises(Refused) as refused:
        fetch(LOCK, tmp_path, lambda *_: None, offline)

    assert str(refused.value).startswith(OFFLINE)
    assert "KAFKA_HOME" in OFFLINE


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A file in the way of the cache is one sentence."""
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match=r"cannot write .*set XDG_CACHE_HOME"):
        fetch(LOCK, tmp_path / "file" / "cache", lambda *_: None, served)


def test_two_that_fetch_at_once_do_not_harm_each_other(tmp_path: Path) -> None:
    """Four fetches of the same cache side by side leave every jar whole."""
    threads = [
        threading.Thread(target=fetch, args=(LOCK, tmp_path, lambda *_: None, served))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(is_intact(jar, tmp_path / jar.name) for jar in LOCK.jars)
    assert len(list(tmp_path.iterdir())) == len(LOCK.jars)


def test_kafka_home_replaces_the_cache(tmp_path: Path) -> None:
    """The class path is what the unpacked Kafka holds, nothing is fetched."""
    (tmp_path / "libs").mkdir()
    for name in ("kafka-clients-4.1.0.jar", "kafka-server-4.1.0.jar"):
        (tmp_path / "libs" / name).touch()

    found = class_path({"KAFKA_HOME": str(tmp_path)}, lambda *_: None)

    assert [Path(path).name for path in found.split(":")] == [
        "kafka-clients-4.1.0.jar",
        "kafka-server-4.1.0.jar",
    ]


def test_a_kafka_home_without_a_new_kafka_is_refused(tmp_path: Path) -> None:
    """An empty folder and a Kafka 3 are told apart."""
    with pytest.raises(Refused, match="no Apache Kafka in"):
        _unpacked(tmp_path)
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka-clients-3.9.1.jar").touch()

    with pytest.raises(Refused, match=r"Apache Kafka 3 in .*; name an unpacked 4\.x"):
        _unpacked(tmp_path)
