"""Masks: one wildcard in the key, typed names in the template, idempotent both."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.group import WILDCARD
from pipeline.process import normalise
from pipeline.process.normalise import render, squash, template, tokens
from pipeline.process.patterns import SINGLE, WHOLE, Shape

# Words with everything that the masks look at, in any order.
TABLE = """
failed to open and/or not ms kb s May Jan Mon UTC GMT user's utf-8 deadbeef BEEFCAFE am
C:\\Users\\bob\\x.log /var/lib/a a@b.io 10.0.3.17:80 12ms blk_-7 eth0 3.14 4,150,908 3 0
5c:50:15:4c:18:1c fe80::1%eth0 https://x.io/a?b=1 /a?b=2 <num> [email] ... -- *** (s)
second(s) 2024-05-01T10:11:12Z 2024-05-01 10:11:12,123 app.models.User x.com Error. $5
db.Timeout ${x} `y` | <a> {b} [c] 0x7f3a %d #3 ::1 std::foo::bar::baz 100% _x_ ._
"""
PIECES = st.one_of(st.sampled_from(TABLE.split()), st.text(max_size=8))
JOINTS = st.sampled_from((" ", " ", " ", "", ":", "/", ".", ","))
MESSAGES = st.lists(st.tuples(PIECES, JOINTS), max_size=12).map(
    lambda pairs: "".join(piece + joint for piece, joint in pairs)
)


@given(MESSAGES)
def test_masking_is_idempotent(text: str) -> None:
    """5.1 What was masked once is not changed by masking it again."""
    found = tokens(text)

    assert tokens(render(found)) == found
    assert template(template(text)) == template(text)


@given(MESSAGES)
def test_a_template_has_the_tokens_of_its_message(text: str) -> None:
    """5.1 What the template shows as a value is a wildcard in the key."""
    assert tokens(template(text)) == tokens(text)


@given(MESSAGES)
def test_caches_change_nothing(text: str) -> None:
    """Tokens are a function of the text, whether or not they were seen before."""
    first = tokens(text)
    normalise._texts.clear()
    normalise._masks.clear()

    assert tokens(text) == first


@given(MESSAGES, st.integers(0, 10**12))
def test_digits_never_matter(text: str, number: int) -> None:
    """Other digits in the same places give the same tokens."""
    changed = re.sub(r"\d+", str(number), squash(text))

    assert tokens(changed) == tokens(squash(text))


@pytest.mark.parametrize("shape", [*WHOLE, *SINGLE], ids=lambda shape: str(shape.kind))
def test_every_pattern_reads_its_examples(shape: Shape) -> None:
    """5.1 Each kind of value is shown by its name and hidden from the key."""
    for example in shape.examples:
        assert template(f"got {example} there") == f"got <{shape.kind}> there"
        assert tokens(f"got {example} there") == ("got", WILDCARD, "there")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("123e4567-e89b-12d3-a456-426614174000", "<uuid>"),
        ("2024-05-01T10:11:12", "<timestamp>"),
        ("3/4 and/or more", "<num>/<num> and/or more"),
        ("took 12ms", "took <num>ms"),
        ("blk_123 on eth0", "blk_<num> on eth<num>"),
        ("Request 8841 to 10.0.3.17:8080", "Request <num> to <ip>:<num>"),
        ("user bethany@hb.io at app.db.internal", "user <email> at <host>"),
        ("on Mon Jan 5", "on <date> <date> <num>"),
        ("'utf-8' codec can't decode byte 0xff", "'utf-8' codec can't decode byte <hex>"),
        ("got 4,150,908 rows", "got <num> rows"),
    ],
)
def test_template(text: str, shown: str) -> None:
    """5.1 The template names what was masked."""
    assert template(text) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12.345s", "took 0.2 seconds"),
        ("commit a93c7d2 missing", "commit 0fd12ab missing"),
        ("could not read /var/spool/17/a.dat", "could not read /x"),
        ("GET https://a.io/x?id=1 failed", "GET http://b.io/y failed"),
        ("ids [1, 2, 3] gone", "ids [7] gone"),
        ("device 5c:50:15:4c:18:1c lost", "device 2001:db8:0:0:0:0:0:1 lost"),
        ("<app.models.User object at 0x7f3a>", "<app.models.User object at 0xbeef1>"),
        ("mail to bob@x.io bounced", "mail to [email] bounced"),
        ("host 10.0.0.1 down", "host [ip] down"),
        ("at 10:15 PM on Monday", "at 9:05 AM on Tuesday"),
    ],
)
def test_values_do_not_part(one: str, other: str) -> None:
    """Messages that differ in values alone have the same tokens, scrubbed or not."""
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("session opened for user root", "session closed for user root"),
        ("connection to primary refused", "connection to replica refused"),
        ("'user_id'", "'order_id'"),
        ("user is allowed", "user is not allowed"),
        ("java.io.IOException", "java.io.EOFException"),
        ("in May", "in June"),
    ],
)
def test_words_part(one: str, other: str) -> None:
    """5.7 Messages that differ in a plain word have other tokens."""
    assert tokens(one) != tokens(other)


def test_a_message_is_cut_at_64_tokens() -> None:
    """Only the first tokens of a long message count."""
    assert len(tokens("word " * 5000)) == 64
