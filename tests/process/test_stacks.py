"""Stacks of every language: what they say, and what may change without a change of the key."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.process import stacks
from pipeline.process.stacks.frame import base_name, clean_function, key_frames, shown_path, top

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "schemas" / "examples" / "stacks").glob("*/*.txt"))
GOLDEN = json.loads((ROOT / "tests" / "golden" / "stacks.json").read_text())
FAMILIES = (
    *("python", "javascript", "java", "go", "rust", "csharp", "ruby", "php", "native", "swift"),
)
# What each language has to show, and what the properties below change in it.
KINDS = ("plain", "chain", "recursion", "anonymous", "generated", "truncated")
LINES = re.compile(r"(:line |, line |on line |:|\()(\d{1,6})(?=[):,\s]|$)", re.MULTILINE)
ADDRESSES = re.compile(r"0x[0-9a-f]{1,16}|::h[0-9a-f]{16}")


def name(path: Path) -> str:
    """Return language and name of a sample."""
    return f"{path.parent.name}/{path.stem}"


def key(text: str) -> tuple[str, ...]:
    """Return the frames that decide."""
    return key_frames(stacks.parse(text).frames)


def test_every_sample_has_a_golden_key_and_the_other_way_round() -> None:
    """No sample is left out, and each language shows every kind of stack."""
    names = {name(path) for path in SAMPLES}

    assert names == set(GOLDEN)
    for family in FAMILIES:
        for kind in KINDS:
            assert any(found.startswith(f"{family}/{kind}") for found in names), (family, kind)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_sample(path: Path) -> None:
    """5.3 The key holds function@basename, innermost first, of the exception that was raised."""
    stack = stacks.parse(path.read_text())

    assert GOLDEN[name(path)] == {
        "raised": list(stack.headline),
        "key": list(key_frames(stack.frames)),
    }


HASH = st.text("0123456789abcdef", min_size=8, max_size=8)
FOLDER = st.lists(st.text("abcdefghXYZ0189_-.", min_size=1, max_size=12), max_size=4).map("/".join)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
@settings(max_examples=8, deadline=None)
@given(added=st.integers(1, 99_000), folder=FOLDER, digits=HASH)
def test_what_changes_from_release_to_release_changes_no_key(
    path: Path, added: int, folder: str, digits: str
) -> None:
    """5.3 Other lines, columns, folders, releases, content hashes and addresses: the same key."""
    text = path.read_text()
    moved = LINES.sub(lambda m: f"{m[1]}{int(m[2]) + added}", text)
    moved = ADDRESSES.sub(lambda m: m[0][:-8] + digits if len(m[0]) > 10 else m[0], moved)
    moved = moved.replace("/srv/shop/", f"/home/{folder}/releases/{added}/shop/")
    moved = moved.replace("http://shop.example/static/", f"https://cdn.example/{folder}/")
    moved = moved.replace("C:\\build\\", f"D:\\agent\\{added}\\")
    moved = moved.replace("3f2a1b9c", f"{digits[:-1]}7")

    assert key(moved) == key(text)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_addresses_and_generated_numbers_change_nothing(path: Path) -> None:
    """Changed addresses, argument values, closures' and accessors' numbers leave the key."""
    text = path.read_text()
    moved = re.sub(r"0x[0-9a-f]+", "0xdeadbeef17", text)
    moved = re.sub(r"(func|lambda\$\w+\$|Pay\$|Proxy|Lambda\$)\d+", r"\g<1>97", moved)

    assert key(moved) == key(text)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_line_ends_and_indentation_change_nothing(path: Path) -> None:
    """Windows' line ends leave the key as it is."""
    text = path.read_text()

    assert key(text.replace("\n", "\r\n")) == key(text)


@pytest.mark.parametrize("path", SAMPLES, ids=name)
def test_text_before_a_stack_changes_nothing(path: Path) -> None:
    """A message of any length stands before the frames without hiding them."""
    text = path.read_text()
    message = "the order could not be written: see below\n" * 300

    assert key(message + text) == key(text)


@pytest.mark.parametrize("kind", ["plain", "anonymous", "eval", "members", "wasm", "generated"])
def test_engines_agree(kind: str) -> None:
    """5.3 Chrome's, Firefox' and Safari's stacks of one error give one key."""
    keys = {tuple(GOLDEN[f"javascript/{kind}_{e}"]["key"]) for e in ("chrome", "firefox", "safari")}

    assert len(keys) == 1


def test_deep_recursion_of_any_depth_is_one_key() -> None:
    """A repeated frame counts once, however often it repeats."""
    line = '  File "/srv/a.py", line 3, in descend\n    return descend(n)\n'
    head, tail = "Traceback (most recent call last):\n", "RecursionError: too deep"

    assert key(head + line * 3 + tail) == key(head + line * 5000 + tail) == ("descend@a.py",)


def test_a_python_stack_cut_at_its_head_keeps_the_frames_that_matter() -> None:
    """Of a text beyond 64 KiB the innermost end of Python's stack is kept."""
    outer = "".join(f'  File "/srv/o.py", line 1, in outer{"abc"[n % 3]}\n' for n in range(3000))
    text = f'{outer}  File "/srv/pay.py", line 3, in charge\nValueError: no'

    assert key(text)[0] == "charge@pay.py"
    assert len(stacks.parse(text).text) <= stacks.MAX_TEXT


def test_a_library_frame_does_not_decide() -> None:
    """Frames of packages and of the runtime are left out while there are others."""
    text = (
        "Error: x\n    at get (/srv/node_modules/axios/index.js:3:4)\n"
        "    at load (/srv/shop/cart.js:1:2)"
    )

    assert key(text) == ("load@cart.js",)
    assert key(text.replace("/srv/shop/", "/srv/node_modules/x/")) == (
        "get@index.js",
        "load@cart.js",
    )


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("handle.func1.2", "handle.func"),
        ("<lambda>", ""),
        ("com.acme.Svc$$EnhancerBySpringCGLIB$$1ec12405.run", "com.acme.Svc.run"),
        (
            "sun.reflect.GeneratedMethodAccessor31.invoke",
            "sun.reflect.GeneratedMethodAccessor.invoke",
        ),
        ("lambda$weigh$0", "weigh"),
        ("core::f::h0123456789abcdef", "core::f"),
        ("f_0x7f3a2c1d9e50", "f_"),
    ],
)
def test_functions_lose_what_is_generated(raw: str, clean: str) -> None:
    """Numbers, addresses and generated parts are no part of a function's name."""
    assert clean_function(raw) == clean


@pytest.mark.parametrize(
    ("path", "name_"),
    [
        ("/srv/app/main.3f2a1b9c.js", "main.js"),
        ("https://x/assets/index-BxYz12_a.js?v=3", "index.js"),
        ("C:\\srv\\shop\\Pay.cs", "Pay.cs"),
        ("webpack:///./src/view.js?ab12", "view.js"),
        ("/srv/oauth2.py", "oauth2.py"),
        ("/srv/payment_gateway.py", "payment_gateway.py"),
        ("<anonymous>", ""),
    ],
)
def test_files_lose_folder_query_and_hash(path: str, name_: str) -> None:
    """A file is known by its name alone, without a bundler's content hash."""
    assert base_name(path) == name_


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/build/7/src/shop/cart.py", "src/shop/cart.py"),
        ("/srv/shop/pay.py", "shop/pay.py"),
        ("pay.py", "pay.py"),
        ("/x/lib/a/b.rb", "lib/a/b.rb"),
    ],
)
def test_shown_path(path: str, shown: str) -> None:
    """5.3 The path shown is cut to src/, lib/ or app/."""
    assert shown_path(path) == shown


@pytest.mark.parametrize("family", FAMILIES)
def test_the_innermost_frame_of_ours_is_shown(family: str) -> None:
    """5.3 The location shown is the top in-app frame of each language."""
    plain = next(path for path in SAMPLES if name(path) == f"{family}/plain")
    shown = top(stacks.parse(plain.read_text()).frames)

    assert shown is not None
    assert shown.in_app
    assert GOLDEN[f"{family}/plain"]["key"][0].startswith(f"{shown.function}@")


@pytest.mark.parametrize(
    "text", ["", "boom", "at home\nat work", "a@b\n", 'File "x"', ".go:", "\n"]
)
def test_what_is_no_stack_has_no_frames(text: str) -> None:
    """A text that is no stack gives no frames and is kept as it is."""
    assert stacks.parse(text) == stacks.Stack((), text)


def test_sentry_frames_come_oldest_first() -> None:
    """Structured frames are turned round; a flag may exclude, a path too."""
    frames = [
        {"filename": "web.py", "function": "dispatch", "in_app": False},
        {"filename": "/v/site-packages/db.py", "function": "query", "in_app": True},
        {"filename": "shop/pay.py", "function": "charge", "lineno": 11, "in_app": True},
        None,
    ]
    stack = stacks.read({"frames": frames}, "python")

    assert key_frames(stack.frames) == ("charge@pay.py",)
    assert stack.text.startswith("charge (shop/pay.py:11)\n")
    assert stacks.read({"frames": None}, "python") == stacks.NONE


def test_structured_java_equals_text() -> None:
    """Sentry's frames of Java (module and function apart) give the key of the text."""
    frames = [
        {"module": "com.acme.Api", "function": "post", "filename": "Api.java", "lineno": 4},
        {"module": "com.acme.Pay", "function": "charge", "filename": "Pay.java", "lineno": 10},
    ]
    text = "X: y\n\tat com.acme.Pay.charge(Pay.java:1)\n\tat com.acme.Api.post(Api.java:2)"

    assert key_frames(stacks.read({"frames": frames}, "java").frames) == key(text)
