"""Topics are made as their descriptors say."""

from pathlib import Path

import pytest

from pipeline.io.admin import Topic, read_topics
from pipeline.io.resources import deploy, schemas
from pipeline.topology import STAGES

GOOD = """
name = "x"
description = "d"
key = "k"
message = ""
content_type = "application/json"
"""


def test_every_topic_of_the_topology_is_described() -> None:
    """2.1 A topic that a stage reads, writes or recalls has a descriptor."""
    used = {topic for row in STAGES for topic in (*row.reads, *row.writes, *row.recalls)}

    assert used <= {topic.name for topic in read_topics()}


def test_recalled_topics_are_compacted() -> None:
    """A topic that carries state is compacted, or the state would end with its retention."""
    recalled = {topic for row in STAGES for topic in row.recalls}

    kinds = {t.name: t.cleanup for t in read_topics() if t.name in recalled}
    assert all("compact" in kind for kind in kinds.values()), kinds


def test_a_wrong_descriptor_is_named(tmp_path: Path) -> None:
    """An unknown key is refused with the file's name."""
    (tmp_path / "x.toml").write_text(GOOD + "retention = 5\n")

    with pytest.raises(ValueError, match=r"x\.toml.*retention"):
        read_topics(tmp_path)


def test_many_is_the_configured_number(tmp_path: Path) -> None:
    """``many`` partitions are as many as configured, a number is itself."""
    (tmp_path / "x.toml").write_text(GOOD)
    (tmp_path / "y.toml").write_text(GOOD + "partitions = 1\n")
    many, one = read_topics(tmp_path)

    assert (many.count(12), one.count(12)) == (12, 1)


def test_settings_of_the_descriptor_go_last() -> None:
    """The descriptor's own settings are added to what follows from its fields."""
    topic = Topic(
        name="x",
        description="",
        key="",
        message="",
        content_type="",
        settings={"segment.ms": "1"},
    )

    found = topic.configuration(2)
    assert found["segment.ms"] == "1"
    assert found["min.insync.replicas"] == "2"


def test_shipped_folders_are_found() -> None:
    """Schemas and shipped configuration are found in a checkout as in a wheel."""
    assert (schemas() / "topics" / "events.raw.toml").is_file()
    assert deploy().is_dir()
