"""PEM texts taken apart: what openssl reads is read, and what is damaged is told with its place."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode

KINDS = {
    "CERTIFICATE": "certificate",
    "X509 CERTIFICATE": "certificate",
    "TRUSTED CERTIFICATE": "certificate",
    "X509 CRL": "CRL",
    "PRIVATE KEY": "private key",
    "ENCRYPTED PRIVATE KEY": "private key",
    "RSA PRIVATE KEY": "private key",
    "EC PRIVATE KEY": "private key",
    "DSA PRIVATE KEY": "private key",
    "OPENSSH PRIVATE KEY": "OpenSSH key",
    "EC PARAMETERS": "EC parameters",
    "DH PARAMETERS": "Diffie-Hellman parameters",
    "X9.42 DH PARAMETERS": "Diffie-Hellman parameters",
    "PKCS7": "PKCS#7 block",
    "CERTIFICATE REQUEST": "certificate request",
    "PUBLIC KEY": "public key",
    "SSL SESSION PARAMETERS": "item",
}
LABELS = st.sampled_from(sorted(KINDS))


def block(label: str, data: bytes, columns: int = 64, headers: str = "") -> bytes:
    body = base64.b64encode(data).decode()
    lines = [body[at : at + columns] for at in range(0, len(body), columns)]
    inner = "".join(line + "\n" for line in lines)
    return f"-----BEGIN {label}-----\n{headers}{inner}-----END {label}-----\n".encode()


class Reader:
    """Walks over a text as the backends do."""

    def __init__(self, c: CCode, text: bytes, name: str | None = "f.pem") -> None:
        self.c = c
        view, self.alive = c.bytes_in(text)
        self.name = c.ffi.NULL if name is None else c.ffi.new("char[]", name.encode())
        self.pem = c.ffi.new("struct tlsmgm_pem *")
        c.lib.tlsmgm_pem_begin(self.pem, view, c.ffi.NULL, self.name)
        self.error = c.error()

    def step(self) -> Any:
        """Return the next item, None at the end, or the text of an error."""
        item = self.c.ffi.new("struct tlsmgm_pem_item *")
        status = self.c.lib.tlsmgm_pem_next(self.pem, item, self.error)
        if status == self.c.lib.TLSMGM_STATUS_CLOSED:
            return None
        if status == self.c.lib.TLSMGM_STATUS_OK:
            return item
        assert status == self.c.lib.TLSMGM_STATUS_CONFIG
        return self.c.text(self.error)

    def steps(self) -> Iterator[Any]:
        while (found := self.step()) is not None:
            yield found

    @contextmanager
    def blob(self, make: str, item: Any) -> Iterator[bytes]:
        out = self.c.ffi.new("struct tlsmgm_blob *")
        status = getattr(self.c.lib, f"tlsmgm_pem_{make}")(item, out, self.error)
        assert status == self.c.lib.TLSMGM_STATUS_OK
        try:
            yield bytes(self.c.ffi.buffer(out.data, out.size))
        finally:
            self.c.lib.tlsmgm_blob_free(out)

    def decoded(self, item: Any) -> bytes:
        with self.blob("decode", item) as data:
            return data

    def rewritten(self, item: Any) -> bytes:
        with self.blob("rewrite", item) as data:
            return data

    def place(self, item: Any) -> str:
        room = self.c.ffi.new("char[]", 256)
        self.c.lib.tlsmgm_pem_place(self.pem, item, room, 256)
        return bytes(self.c.ffi.string(room)).decode()


def read(c: CCode, text: bytes) -> list[tuple[str, bytes]]:
    """Return labels and contents of a text that has no damage."""
    reader = Reader(c, text)
    found = []
    for item in reader.steps():
        assert not isinstance(item, str), item
        found.append((c.bytes_out(item.label).decode(), reader.decoded(item)))
    return found


def errors(c: CCode, text: bytes) -> list[str]:
    return [step for step in Reader(c, text).steps() if isinstance(step, str)]


# Text without lines that could be taken for an item's, as people write it around them.
TEXT = st.lists(
    st.text(
        st.characters(min_codepoint=32, max_codepoint=0xFFFF, exclude_categories=["Cs"]),
        max_size=40,
    ).filter(lambda line: not line.lstrip().startswith("-----")),
    max_size=4,
).map(lambda lines: "".join(line + "\n" for line in lines).encode())
ITEMS = st.lists(st.tuples(TEXT, LABELS, st.binary(min_size=1, max_size=300)), max_size=5)
DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "trailing blanks": lambda text: text.replace(b"\n", b" \t\n"),
    "BOM": lambda text: b"\xef\xbb\xbf" + text,
    "no line end at the end": lambda text: text.rstrip(b"\n"),
}


@given(items=ITEMS, columns=st.sampled_from([1, 4, 63, 64, 76, 100_000]), tail=TEXT)
@settings(max_examples=200)
@pytest.mark.parametrize("dress", DRESSES)
def test_items_come_back(
    c: CCode, dress: str, items: list[tuple[bytes, str, bytes]], columns: int, tail: bytes
) -> None:
    text = b"".join(before + block(label, data, columns) for before, label, data in items)
    if not text[:1].isdigit():  # the first line of a text that began like DER is no matter here
        assert read(c, DRESSES[dress](text + tail)) == [(label, data) for _, label, data in items]


def test_numbers_and_lines_are_those_that_people_count(c: CCode) -> None:
    text = (
        b"# CAs\n"
        + block("CERTIFICATE", b"1" * 60)
        + block("X509 CRL", b"2")
        + b"\n"
        + block("TRUSTED CERTIFICATE", b"3")
        + block("PRIVATE KEY", b"4")
        + block("X509 CERTIFICATE", b"5")
    )
    reader = Reader(c, text, "/etc/x/ca.pem")
    places = [reader.place(item) for item in reader.steps()]
    assert places == [
        "/etc/x/ca.pem, certificate 1 (line 2)",
        "/etc/x/ca.pem, CRL 1 (line 6)",
        "/etc/x/ca.pem, certificate 2 (line 10)",
        "/etc/x/ca.pem, private key 1 (line 13)",
        "/etc/x/ca.pem, certificate 3 (line 16)",
    ]
    nameless = Reader(c, text, None)
    assert nameless.place(nameless.step()) == "certificate 1 (line 2)"


@pytest.mark.parametrize(("label", "word"), KINDS.items())
def test_every_label_has_its_word(c: CCode, label: str, word: str) -> None:
    reader = Reader(c, block(label, b"x"))
    assert reader.place(reader.step()) == f"f.pem, {word} 1 (line 1)"


def test_the_end_of_a_long_name_is_shown(c: CCode) -> None:
    reader = Reader(c, block("CERTIFICATE", b"x"), "/a" * 2000 + "/ca.pem")
    place = reader.place(reader.step())
    assert place.startswith("...")
    assert place.endswith("/a/ca.pem, certificate 1 (line 1)")


COMMENTED = b"".join(b"# " + line + b"\n" for line in block("CERTIFICATE", b"no").splitlines())
AROUND = {
    "text": b"Bag Attributes\n    friendlyName: x\nsubject=CN = x\n",
    "commented out": COMMENTED,
    "commented out by words": COMMENTED.replace(b"#", b"//"),
    "only BEGIN in a sentence": b"a -----BEGIN CERTIFICATE----- in a sentence\n",
    "dashes": b"-----------\n---- BEGIN CERTIFICATE ----\n----BEGIN CERTIFICATE----\n-----\n",
    "Latin-1": b"# Z\xfcrich\n",
    "a long line": b"# " + b"x" * 5000 + b"\n",
    "much text": b"# padding\n" * 7000,
    "empty lines": b"\n\r\n \n",
    "a text that begins with zeros": b"00 x\n0x30\n",
}


@pytest.mark.parametrize("around", AROUND.values(), ids=list(AROUND))
def test_text_around_items_is_passed_over(c: CCode, around: bytes) -> None:
    one, two = block("CERTIFICATE", b"one"), block("X509 CRL", b"two")
    expected = [("CERTIFICATE", b"one"), ("X509 CRL", b"two")]
    assert read(c, around + one + around + two + around) == expected


def test_files_that_were_joined_in_the_middle_of_a_line(c: CCode) -> None:
    joined = b"".join(block("CERTIFICATE", data).rstrip(b"\n") for data in (b"1", b"2", b"3"))
    assert read(c, joined) == [("CERTIFICATE", data) for data in (b"1", b"2", b"3")]
    reader = Reader(c, joined)
    assert [item.line for item in reader.steps()] == [1, 3, 5]


HEADERS = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"


def test_headers_are_kept_apart(c: CCode) -> None:
    for dress in DRESSES.values():
        reader = Reader(c, dress(block("RSA PRIVATE KEY", b"sealed" * 20, headers=HEADERS)))
        item = reader.step()
        assert c.bytes_out(item.headers).split(b"\n")[0].rstrip() == b"Proc-Type: 4,ENCRYPTED"
        assert reader.decoded(item) == b"sealed" * 20
        expected = block("RSA PRIVATE KEY", b"sealed" * 20, headers=HEADERS)
        assert reader.rewritten(item) == expected


@given(data=st.binary(min_size=1, max_size=300), columns=st.integers(1, 100), label=LABELS)
def test_an_item_is_rewritten_as_everybody_reads_it(
    c: CCode, data: bytes, columns: int, label: str
) -> None:
    reader = Reader(
        c, b"\xef\xbb\xbf# x\r\n" + block(label, data, columns).replace(b"\n", b" \r\n")
    )
    assert reader.rewritten(reader.step()) == block(label, data)


# Damage, and a piece of what is said of it. {n} is the number of the item, {line} of its BEGIN.
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no END": (lambda b: b[: b.index(b"-----END")], "certificate {n} (line {line}): "),
    "cut in the body": (lambda b: b[:100], "certificate {n} (line {line}): "),
    "cut in END": (lambda b: b[:-10] + b"\n", "certificate {n} (line {line}): its END line"),
    "END of another": (
        lambda b: b.replace(b"END CERT", b"END X509 CERT"),
        "certificate {n} (line {line}): its END line is damaged or of another label",
    ),
    "a star in the base64": (
        lambda b: b[:60] + b"*" + b[61:],
        "certificate {n} (line {line}): its base64 is damaged",
    ),
    "a letter lost": (lambda b: b[:60] + b[61:], "certificate {n} (line {line}): its base64"),
    "padding in the middle": (lambda b: b[:60] + b"==" + b[62:], "its base64 is damaged"),
    "a dash in the body": (lambda b: b[:60] + b"-" + b[61:], "its base64 is damaged"),
    "empty": (
        lambda b: b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "certificate {n} (line {line}): it is empty",
    ),
    "padding alone": (
        lambda b: b"-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----\n",
        "certificate {n} (line {line}): ",
    ),
    "BEGIN cut short": (
        lambda b: b.replace(b"CERTIFICATE-----\n", b"CERTIF\n", 1),
        "line {line}: damaged PEM: a malformed BEGIN line",
    ),
    "BEGIN with fewer dashes": (
        lambda b: b.replace(b"CERTIFICATE-----\n", b"CERTIFICATE----\n", 1),
        "line {line}: damaged PEM: a malformed BEGIN line",
    ),
    "text behind BEGIN": (
        lambda b: b.replace(b"CERTIFICATE-----\n", b"CERTIFICATE----- x\n", 1),
        "line {line}: damaged PEM: a malformed BEGIN line",
    ),
    "no label": (
        lambda b: b.replace(b"BEGIN CERTIFICATE", b"BEGIN "),
        "line {line}: damaged PEM: a malformed BEGIN line",
    ),
    "no BEGIN": (lambda b: b.split(b"\n", 1)[1], "an END without its BEGIN"),
    "BEGIN damaged": (lambda b: b.replace(b"-----BEGIN", b"-----BEGUN"), "an END without its BEG"),
    "BEGIN indented": (
        lambda b: b"  " + b,
        "line {line}: damaged PEM: there are blanks before BEGIN",
    ),
    "headers without an end": (
        lambda b: b.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\n", 1),
        "certificate {n} (line {line}): no empty line ends its headers",
    ),
}


@pytest.mark.parametrize("position", [0, 1, 2], ids=["first", "middle", "last"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_with_its_place(c: CCode, damage: str, position: int) -> None:
    break_it, expected = DAMAGE[damage]
    blocks = [block("CERTIFICATE", bytes([n]) * 100) for n in range(3)]
    line = 1 + 5 * position
    blocks[position] = break_it(blocks[position])
    told = errors(c, b"".join(blocks))
    assert len(told) == 1, told
    assert told[0].startswith("f.pem, ")
    assert expected.format(n=position + 1, line=line) in told[0]


@pytest.mark.parametrize("damage", DAMAGE)
def test_reading_goes_on_behind_the_damage(c: CCode, damage: str) -> None:
    whole = [block("CERTIFICATE", bytes([n]) * 100) for n in range(3)]
    text = whole[0] + DAMAGE[damage][0](whole[1]) + whole[2]
    reader = Reader(c, text)
    found = [reader.decoded(step) for step in reader.steps() if not isinstance(step, str)]
    assert found[0] == bytes([0]) * 100
    # One whose END is lost may take that of the next one for its own; then both are gone.
    assert found[1:] in ([bytes([2]) * 100], [])


@given(data=st.binary(min_size=60, max_size=400), cut=st.integers(1, 10_000))
def test_a_text_that_is_cut_anywhere_is_no_shorter_list(c: CCode, data: bytes, cut: int) -> None:
    first, second = block("CERTIFICATE", data), block("CERTIFICATE", data[::-1])
    at = len(first) + 10 + cut % (len(second) - 12)
    told = errors(c, (first + second)[:at])
    assert len(told) == 1, (told, at)


@given(
    text=st.binary(max_size=400)
    | st.lists(
        st.sampled_from(
            [b"-----", b"BEGIN ", b"END ", b"CERTIFICATE", b"\n", b"AAAA", b"=", b":", b" "]
        ),
        max_size=40,
    ).map(b"".join)
)
@settings(max_examples=500)
def test_any_bytes_end(c: CCode, text: bytes) -> None:
    reader = Reader(c, text)
    for count, step in enumerate(reader.steps()):
        assert count <= len(text)
        if not isinstance(step, str):
            assert len(reader.decoded(step)) == step.size > 0
            rewritten = Reader(c, reader.rewritten(step))
            assert rewritten.decoded(rewritten.step()) == reader.decoded(step)


FOREIGN = {
    "empty": (b"", "is empty"),
    "UTF-16": (block("CERTIFICATE", b"x").decode().encode("utf-16"), "is UTF-16 text (save it as"),
    "UTF-16 without its mark": (
        block("CERTIFICATE", b"x").decode().encode("utf-16-le"),
        "is UTF-16 text",
    ),
    "UTF-16, the other end first": (
        block("CERTIFICATE", b"x").decode().encode("utf-16-be"),
        "is UTF-16 text",
    ),
    "DER": (b"\x30\x82\x01\x00\x30\x81\x90" + bytes(200), "openssl x509 -inform DER"),
    "key in DER": (b"\x30\x2e\x02\x01\x00\x30\x05" + bytes(40), "openssl pkey -inform DER"),
    "EC key in DER": (b"\x30\x77\x02\x01\x01\x04\x20" + bytes(112), "openssl pkey -inform DER"),
    "PKCS#12": (b"\x30\x82\x09\x00\x02\x01\x03\x30\x82" + bytes(90), "openssl pkcs12 -in OLD"),
    "PKCS#7": (
        bytes.fromhex("308209000609 2a864886f70d010702".replace(" ", "")) + bytes(90),
        "openssl pkcs7 -inform DER",
    ),
    "Java": (bytes.fromhex("feedfeed00000002") + bytes(40), "a Java key store"),
    "zeroes behind": (block("CERTIFICATE", b"x") + bytes(512), "not text: it has NUL bytes"),
    "nothing": (b"<html>login</html>\n", "holds no certificate in PEM"),
    "key": (block("EC PRIVATE KEY", b"x"), "holds a private key and no certificate"),
    "OpenSSH": (block("OPENSSH PRIVATE KEY", b"x"), "an OpenSSH key and no certificate (run: ssh"),
    "PKCS#7 in PEM": (block("PKCS7", b"x"), "(run: openssl pkcs7 -print_certs"),
}


@pytest.mark.parametrize(("text", "words"), FOREIGN.values(), ids=list(FOREIGN))
def test_what_a_file_is_instead(c: CCode, text: bytes, words: str) -> None:
    reader = Reader(c, text)
    told = [step for step in reader.steps() if isinstance(step, str)]
    status = c.lib.tlsmgm_pem_fail_missing(reader.pem, c.lib.TLSMGM_PEM_A_CERTIFICATE, reader.error)
    assert status == c.lib.TLSMGM_STATUS_CONFIG
    for text_of_error in [*told, c.text(reader.error)]:
        assert text_of_error.startswith("f.pem ")
        assert words in text_of_error


def test_there_is_a_bound_for_items(c: CCode) -> None:
    bound = c.lib.TLSMGM_PEM_ITEMS_MAX
    small = block("X", b"x")
    reader = Reader(c, small * bound)
    assert sum(1 for step in reader.steps() if not isinstance(step, str)) == bound
    reader = Reader(c, small * (bound + 2))
    steps = list(reader.steps())
    assert len(steps) == bound + 1
    assert "too many items" in steps[-1]


@pytest.mark.parametrize("size", [63, 64, 65])
def test_there_is_a_bound_for_labels(c: CCode, size: int) -> None:
    told = errors(c, block("L" * size, b"x"))
    assert bool(told) == (size > c.lib.TLSMGM_PEM_LABEL_MAX)


def test_memory_may_be_short(c: CCode) -> None:
    reader = Reader(c, block("CERTIFICATE", b"x"))
    item = reader.step()
    out = c.ffi.new("struct tlsmgm_blob *")
    for make in (c.lib.tlsmgm_pem_decode, c.lib.tlsmgm_pem_rewrite):
        c.lib.tlsmgm_test_fail_after(0)
        assert make(item, out, reader.error) == c.lib.TLSMGM_STATUS_NO_MEMORY
        c.lib.tlsmgm_test_fail_after(-1)
        assert out.data == c.ffi.NULL
        assert out.size == 0


BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.mark.skipif(not BUNDLE.is_file(), reason="the system has no bundle of CAs")
def test_the_system_bundle_is_read_as_openssl_reads_it(c: CCode) -> None:
    found = read(c, BUNDLE.read_bytes())
    command = ["openssl", "storeutl", "-noout", "-certs", str(BUNDLE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"Total found: {len(found)}" in done.stdout
