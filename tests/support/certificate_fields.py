"""What ``csrc/x509/certificate_fields.c`` reads, and the same read by others."""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from typing import Any

from tests.support.c_code import CCode

ATTRIBUTES = {
    "cn": "COMMON_NAME",
    "locality": "LOCALITY",
    "country": "COUNTRY",
    "state": "STATE",
    "organization": "ORGANIZATION",
    "unit": "ORGANIZATIONAL_UNIT",
    "serial": "SERIAL_NUMBER",
}
SAN_KINDS = ("EMAIL", "HOSTNAME", "URI", "IP")


@dataclass(frozen=True)
class Time:
    """A time as text and in seconds since 1970; None: not valid."""

    text: str
    unix: int | None


@dataclass(frozen=True)
class Fields:
    """A certificate as our reader sees it."""

    version: int
    serial: str
    issuer: str
    subject: str
    issuer_attributes: dict[str, str | None]
    subject_attributes: dict[str, str | None]
    not_before: Time
    not_after: Time
    sans: dict[str, str | None]
    all_sans: list[tuple[str, str | None]]
    public_key_info: bytes
    signature_algorithm: bytes
    extensions: bytes


class RefusedError(Exception):
    """Our reader refused the certificate."""


def read(c: CCode, der: bytes) -> Fields:
    """Read a certificate and ask for everything.

    Raises:
        RefusedError: with the reader's own sentence.
    """
    view, keep = c.bytes_in(der)
    fields = c.ffi.new("struct tlsmgm_certificate_fields *")
    error = c.error()
    status = c.lib.tlsmgm_certificate_fields_read(view, fields, error)
    if status != c.lib.TLSMGM_STATUS_OK:
        assert status == c.lib.TLSMGM_STATUS_PROTOCOL == error.status
        assert error.alert == c.lib.TLSMGM_ALERT_DECODE_ERROR
        assert bytes(c.ffi.buffer(fields)) == bytes(c.ffi.sizeof(fields[0]))
        raise RefusedError(c.text(error))
    out = _collect(c, fields)
    del keep
    return out


def _collect(c: CCode, fields: Any) -> Fields:
    return Fields(
        version=fields.version,
        serial=c.written(lambda o, n: c.lib.tlsmgm_serial_text(fields.serial, o, n)).decode(),
        issuer=name_text(c, fields.issuer),
        subject=name_text(c, fields.subject),
        issuer_attributes=_attributes(c, fields.issuer),
        subject_attributes=_attributes(c, fields.subject),
        not_before=time_of(c, fields.not_before),
        not_after=time_of(c, fields.not_after),
        sans={kind: _san(c, fields.subject_alt_names, kind) for kind in SAN_KINDS},
        all_sans=_all_sans(c, fields.subject_alt_names),
        public_key_info=c.bytes_out(fields.public_key_info),
        signature_algorithm=c.bytes_out(fields.signature_algorithm),
        extensions=c.bytes_out(fields.extensions),
    )


def name_text(c: CCode, name: Any) -> str:
    """Return the one-line form of a name."""
    return c.written(lambda out, size: c.lib.tlsmgm_name_text(name, out, size)).decode("ascii")


def time_of(c: CCode, time: Any) -> Time:
    """Return a time in both forms."""
    seconds = c.ffi.new("int64_t *")
    valid = c.lib.tlsmgm_time_unix(time, seconds)
    text = c.written(lambda out, size: c.lib.tlsmgm_time_text(time, out, size)).decode("ascii")
    return Time(text, seconds[0] if valid else None)


def _attributes(c: CCode, name: Any) -> dict[str, str | None]:
    return {word: attribute(c, name, which) for word, which in ATTRIBUTES.items()}


def attribute(c: CCode, name: Any, which: str) -> str | None:
    """Return one attribute of a name; None if it is absent."""
    number = getattr(c.lib, f"TLSMGM_{which}")
    return _optional(c, lambda *room: c.lib.tlsmgm_name_attribute(name, number, *room))


def _san(c: CCode, sans: Any, kind: str) -> str | None:
    number = getattr(c.lib, f"TLSMGM_SAN_{kind}")
    return _optional(c, lambda *room: c.lib.tlsmgm_san_text(sans, number, *room))


def _all_sans(c: CCode, sans: Any) -> list[tuple[str, str | None]]:
    cursor = c.ffi.new("struct tlsmgm_cursor *", c.lib.tlsmgm_cursor(sans))
    kind = c.ffi.new("enum tlsmgm_san_kind *")
    value = c.ffi.new("struct tlsmgm_bytes *")
    out = []
    while c.lib.tlsmgm_san_next(cursor, kind, value):
        word = SAN_KINDS[int(c.ffi.cast("int", kind[0]))]
        out.append((word, _optional(c, _value_writer(c, kind[0], value[0]))))
    return out


def _value_writer(c: CCode, kind: Any, value: Any) -> Any:
    return lambda *room: c.lib.tlsmgm_san_value_text(kind, value, *room)


def _optional(c: CCode, write: Any) -> str | None:
    length = c.ffi.new("size_t *")
    found: list[bool] = []

    def once(out: Any, size: int) -> int:
        found.append(write(out, size, length))
        return int(length[0])

    text = c.written(once)
    assert found[0] == found[1]
    assert found[0] or text == b""
    return text.decode("utf-8") if found[0] else None


class OpenSSLOracle:
    """The system's libcrypto, asked through its own functions."""

    def __init__(self) -> None:
        path = ctypes.util.find_library("crypto")
        if path is None:
            raise FileNotFoundError("no libcrypto on this machine")
        self._lib = ctypes.CDLL(path)
        self._lib.d2i_X509_NAME.restype = ctypes.c_void_p
        self._lib.d2i_X509_NAME.argtypes = [
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_long,
        ]
        self._lib.d2i_X509.restype = ctypes.c_void_p
        self._lib.d2i_X509.argtypes = self._lib.d2i_X509_NAME.argtypes
        self._lib.X509_NAME_oneline.restype = ctypes.c_void_p
        self._lib.X509_NAME_oneline.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        self._lib.CRYPTO_free.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        for name in ("X509_NAME_free", "X509_free"):
            function = getattr(self._lib, name)
            function.argtypes = [ctypes.c_void_p]
            function.restype = None
        for name in ("X509_get_subject_name", "X509_get_issuer_name"):
            function = getattr(self._lib, name)
            function.argtypes = [ctypes.c_void_p]
            function.restype = ctypes.c_void_p

    def one_line(self, name: bytes) -> str | None:
        """Return X509_NAME_oneline() of a name in DER; None if OpenSSL refuses it."""
        parsed = self._parse(self._lib.d2i_X509_NAME, name)
        if parsed is None:
            return None
        text = self._one_line_of(parsed)
        self._lib.X509_NAME_free(parsed)
        return text

    def certificate_names(self, der: bytes) -> tuple[str, str] | None:
        """Return subject and issuer of a certificate; None if OpenSSL refuses it."""
        parsed = self._parse(self._lib.d2i_X509, der)
        if parsed is None:
            return None
        names = (
            self._one_line_of(self._lib.X509_get_subject_name(parsed)),
            self._one_line_of(self._lib.X509_get_issuer_name(parsed)),
        )
        self._lib.X509_free(parsed)
        return names

    def _parse(self, function: Any, der: bytes) -> int | None:
        pointer = ctypes.c_char_p(der)
        parsed: int | None = function(None, ctypes.byref(pointer), len(der))
        return parsed

    def _one_line_of(self, name: int) -> str:
        text = self._lib.X509_NAME_oneline(name, None, 0)
        out = ctypes.string_at(text).decode("ascii")
        self._lib.CRYPTO_free(text, b"", 0)
        return out
