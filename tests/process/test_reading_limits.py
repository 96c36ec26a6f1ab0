"""What is kept of what is too much: depth, size and count of everything that an event may hold."""

from typing import Any

import orjson
import pytest

from tests.process.build import an_event, novel


def test_rows_are_bounded() -> None:
    """Message, stack, tags, contexts and breadcrumbs have limits, whatever was sent."""
    row = novel(
        an_event(
            message="logged",
            stacktrace="E: x\n" + "    at f (/a.js:1:2)\n" * 9000,
            tags={f"k{n}" * 30: "v" * 999 for n in range(90)},
            extra={f"e{n}": "x" * 9000 for n in range(20)},
            breadcrumbs=[{"message": "b" * 2000} for _ in range(200)],
        )
    ).row

    assert len(novel(an_event(message="m" * 50_000)).row.message) == 8192
    assert len(row.stack) <= 65_536
    assert len(row.tags) <= 50
    assert all(len(k) <= 32 and len(v) <= 200 for k, v in row.tags.items())
    assert len(row.contexts) < 70_000
    assert orjson.loads(row.contexts) == {"message": "logged", "_dropped": ["extra"]}
    assert 0 < len(orjson.loads(row.breadcrumbs)) <= 100
    assert len(row.breadcrumbs) <= 65_536


@pytest.mark.parametrize("name", ["user", "request", "contexts", "_meta"])
def test_a_mapping_keeps_fifty_pairs(name: str) -> None:
    """Of more than 50 pairs the small ones are kept, and the others are named."""
    pairs: dict[str, Any] = {f"k{n}": {"n": n} for n in range(80)} | {"big": "x" * 500}
    kept = orjson.loads(novel(an_event(**{name: pairs})).row.contexts)
    found = kept if name == "contexts" else kept[name]

    assert len(kept["_dropped"]) == 31
    assert len(found.keys() - {"_dropped"}) == 50
    assert "big" not in found


@pytest.mark.parametrize("name", ["user", "request", "contexts", "_meta"])
def test_a_mapping_keeps_8_kib(name: str) -> None:
    """Of more than 8 KiB the small pairs are kept, in their order."""
    pairs: dict[str, Any] = {"big": {"x": "y" * 9000}, "id": {"n": 1}, "name": {"n": 2}}
    kept = orjson.loads(novel(an_event(**{name: pairs})).row.contexts)

    assert kept.pop("_dropped") == ["big" if name == "contexts" else f"{name}.big"]
    assert list(kept if name == "contexts" else kept[name]) == ["id", "name"]


def nested(levels: int) -> Any:
    """Return a value inside so many containers."""
    leaf: Any = 1
    for n in range(levels):
        leaf = {"a": leaf} if n % 2 else [leaf]
    return leaf


@pytest.mark.parametrize(("levels", "kept"), [(1, 1), (7, 7), (8, 7), (150, 7)])
def test_extra_keeps_seven_levels(levels: int, kept: int) -> None:
    """What stands deeper than seven levels in ``extra`` is cut, and says so."""
    found = orjson.loads(novel(an_event(extra=nested(levels))).row.contexts)["extra"]

    depth = 0
    while isinstance(found, dict | list):
        found, depth = (found["a"] if isinstance(found, dict) else found[0]), depth + 1
    assert depth == kept
    assert found == (1 if levels == kept else "[nested too deeply]")


def test_what_fits_is_kept_whole() -> None:
    """An event within the limits loses nothing."""
    fields = {"user": {"id": "1", "plan": {"a": [1]}}, "extra": {"x": [{"y": {"z": 1}}]}, "one": 1}

    assert orjson.loads(novel(an_event(**fields)).row.contexts) == fields


def test_frames_nearest_to_the_error_are_kept() -> None:
    """Of thousands of frames the 250 innermost are read."""
    many = [{"function": f"f{n}", "filename": "a.py"} for n in range(5000)]
    row = novel(an_event(exception={"type": "E", "stacktrace": {"frames": many}})).row

    assert row.stack.count("\n") == 249
    assert row.culprit == "f in a.py"
