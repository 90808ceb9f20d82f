"""Which names are the same name (RFC 5280 section 7.1)."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import (
    BMP,
    IA5,
    NUMERIC,
    PRINTABLE,
    SEQUENCE,
    SET,
    T61,
    UNIVERSAL,
    UTF8,
    entry,
    name,
    tlv,
)

CN, ORG, OU = "2.5.4.3", "2.5.4.10", "2.5.4.11"
BLANKS = " \t\n\v\f\r"

#: Texts of attributes, with blanks and letters of both cases often enough.
TEXTS = st.text(
    st.one_of(st.sampled_from("aAbB  \t"), st.characters(codec="utf-8", exclude_characters="\0")),
    max_size=12,
)
NAMES = st.lists(
    st.lists(st.tuples(st.sampled_from([CN, ORG, OU]), TEXTS), min_size=1, max_size=3),
    max_size=4,
)
Name = list[list[tuple[str, str]]]


def canonical(text: str) -> str:
    """Return the text as it is compared: ASCII blanks single, none at the ends, small letters."""
    folded = re.sub(f"[{BLANKS}]+", " ", text).strip(" ")
    return re.sub("[A-Z]+", lambda letters: letters[0].lower(), folded)


def encode(text: str, tag: int) -> bytes:
    codec = {UTF8: "utf-8", BMP: "utf-16-be", UNIVERSAL: "utf-32-be"}.get(tag, "latin-1")
    return text.encode(codec)


def tags_for(text: str) -> list[int]:
    highest = max(map(ord, text), default=0)
    tags = [UTF8, UNIVERSAL]
    tags += [BMP] if highest < 0x10000 else []
    return tags + ([T61, IA5, PRINTABLE] if highest < 0x100 else [])


def spell(random: Random, text: str) -> str:
    """Return another spelling of the same text."""
    cases = "".join(
        random.choice([one.upper(), one.lower()]) if one.isascii() else one for one in text
    )
    parts = re.split(f"[{BLANKS}]+", cases)
    gaps = ["".join(random.choices(BLANKS, k=random.randint(1, 3))) for _ in parts[1:]]
    out = parts[0] + "".join(gap + part for gap, part in zip(gaps, parts[1:], strict=True))
    return random.choice(["", " ", "\t "]) + out + random.choice(["", " ", "\n"])


def encoded(random: Random, sets: Name) -> bytes:
    """Return the contents of a name, in encodings and an order that chance chooses."""
    out = b""
    for attributes in sets:
        shuffled = random.sample(attributes, len(attributes))
        out += tlv(SET, *[written(random, *attribute) for attribute in shuffled])
    return out


def written(random: Random, dotted: str, text: str) -> bytes:
    text = spell(random, text)
    tag = random.choice(tags_for(text))
    return entry(dotted, tag, encode(text, tag))


def match(c: CCode, one: bytes, other: bytes) -> bool:
    a, _keep = c.bytes_in(one)
    b, _too = c.bytes_in(other)
    matches = bool(c.lib.tlsmgm_names_match(a, b))
    assert bool(c.lib.tlsmgm_names_match(b, a)) is matches
    if matches:
        assert c.lib.tlsmgm_name_hash(a) == c.lib.tlsmgm_name_hash(b)
        assert c.lib.tlsmgm_name_is_below(a, b)
    return matches


def is_below(c: CCode, one: bytes, base: bytes) -> bool:
    a, _keep = c.bytes_in(one)
    b, _too = c.bytes_in(base)
    return bool(c.lib.tlsmgm_name_is_below(a, b))


@given(st.randoms(use_true_random=False), NAMES)
def test_spellings_of_one_name(c: CCode, random: Random, sets: Name) -> None:
    one, other = encoded(random, sets), encoded(random, sets)
    assert match(c, one, other)
    for size in range(len(sets) + 1):
        assert is_below(c, one, encoded(random, sets[:size]))


@given(st.randoms(use_true_random=False), NAMES, NAMES)
def test_two_names(c: CCode, random: Random, one: Name, other: Name) -> None:
    def compared(sets: Name) -> list[list[tuple[str, str]]]:
        return [sorted((dotted, canonical(text)) for dotted, text in row) for row in sets]

    ours, theirs = encoded(random, one), encoded(random, other)
    assert match(c, ours, theirs) is (compared(one) == compared(other))
    below = compared(one)[: len(other)] == compared(other)
    assert is_below(c, ours, theirs) is below


@given(TEXTS, TEXTS)
def test_two_texts(c: CCode, one: str, other: str) -> None:
    a, b = (name(entry(CN, UTF8, text.encode())) for text in (one, other))
    assert match(c, a, b) is (canonical(one) == canonical(other))


DIFFERENT = [
    (name(entry(CN, UTF8, b"a")), name(entry(ORG, UTF8, b"a"))),
    (name(entry(CN, UTF8, b"a")), name()),
    (name(entry(CN, UTF8, b"a")), name(entry(CN, UTF8, b"a"), entry(ORG, UTF8, b"a"))),
    (
        name(entry(CN, UTF8, b"a"), entry(ORG, UTF8, b"a")),
        name(entry(ORG, UTF8, b"a"), entry(CN, UTF8, b"a")),
    ),
    (name(entry(CN, NUMERIC, b"1")), name(entry(CN, UTF8, b"1"))),
    (name(entry(CN, NUMERIC, b"1 2")), name(entry(CN, NUMERIC, b"1  2"))),
    (name(entry(CN, UTF8, "Ä".encode())), name(entry(CN, UTF8, "ä".encode()))),
    (name(entry(CN, UTF8, "a\u00a0b".encode())), name(entry(CN, UTF8, b"a b"))),
    (name(entry(CN, UTF8, b"a\0")), name(entry(CN, UTF8, b"a"))),
    (
        tlv(SET, entry(CN, UTF8, b"a"), entry(ORG, UTF8, b"a")),
        name(entry(CN, UTF8, b"a"), entry(ORG, UTF8, b"a")),
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_differ(c: CCode, one: bytes, other: bytes) -> None:
    assert match(c, one, one)
    assert not match(c, one, other)


def test_large_sets_are_compared_byte_for_byte(c: CCode) -> None:
    entries = [entry(CN, UTF8, f"a{n}".encode()) for n in range(17)]
    small, large = entries[:16], entries
    assert match(c, tlv(SET, *small), tlv(SET, *reversed(small)))
    assert match(c, tlv(SET, *large), tlv(SET, *large))
    assert not match(c, tlv(SET, *large), tlv(SET, *reversed(large)))


@given(st.binary(max_size=60))
def test_texts_that_are_valid(c: CCode, data: bytes) -> None:
    for tag, codec, width in (
        (UTF8, "utf-8", 1),
        (BMP, "utf-16-be", 2),
        (UNIVERSAL, "utf-32-be", 4),
    ):
        text = data[: len(data) // width * width]
        view, _keep = c.bytes_in(name(entry(CN, tag, text)))
        try:
            decoded = text.decode(codec)
            valid = tag != BMP or all(one < "\U00010000" for one in decoded)
        except UnicodeDecodeError:
            valid = False
        assert bool(c.lib.tlsmgm_name_has_valid_texts(view)) is valid


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes(c: CCode, one: bytes, other: bytes) -> None:
    """Names are well-formed when they come here; nothing else may do harm."""
    a, _keep = c.bytes_in(tlv(SET, one))
    b, _too = c.bytes_in(tlv(SET, tlv(SEQUENCE, other)))
    c.lib.tlsmgm_names_match(a, b)
    c.lib.tlsmgm_name_is_below(a, b)
    c.lib.tlsmgm_name_hash(a)
