"""Certificates: typed, lazy access to the fields of an X.509 certificate."""

import base64
import datetime
import textwrap

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from tlsmgm._core.capi cimport (
    TLSMGM_COMMON_NAME,
    TLSMGM_COUNTRY,
    TLSMGM_FOR_CLIENTS,
    TLSMGM_FOR_GATED_SERVERS,
    TLSMGM_FOR_SERVERS,
    TLSMGM_LOCALITY,
    TLSMGM_ORGANIZATION,
    TLSMGM_ORGANIZATIONAL_UNIT,
    TLSMGM_SERIAL_NUMBER,
    TLSMGM_SAN_EMAIL,
    TLSMGM_SAN_HOSTNAME,
    TLSMGM_SAN_IP,
    TLSMGM_SAN_URI,
    TLSMGM_STATE,
    make_cursor,
    tlsmgm_attribute,
    tlsmgm_bytes,
    tlsmgm_certificate,
    tlsmgm_certificate_fields_read,
    tlsmgm_certificate_read,
    tlsmgm_certificate_time,
    tlsmgm_cursor,
    tlsmgm_error,
    tlsmgm_name_attribute,
    tlsmgm_name_text,
    tlsmgm_san_kind,
    tlsmgm_san_next,
    tlsmgm_san_text,
    tlsmgm_san_value_text,
    tlsmgm_serial_text,
    tlsmgm_time_text,
    tlsmgm_time_unix,
)
from tlsmgm._core.status cimport check
from tlsmgm._core.views cimport bytes_of, view_of

from tlsmgm._core.items import read_chain
from tlsmgm.errors import ConfigError, ProtocolError

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

cdef dict _ATTRIBUTES = {
    "cn": TLSMGM_COMMON_NAME,
    "locality": TLSMGM_LOCALITY,
    "country": TLSMGM_COUNTRY,
    "state": TLSMGM_STATE,
    "organization": TLSMGM_ORGANIZATION,
    "unit": TLSMGM_ORGANIZATIONAL_UNIT,
    "serial": TLSMGM_SERIAL_NUMBER,
}

cdef dict _SAN_KINDS = {
    "email": TLSMGM_SAN_EMAIL,
    "hostname": TLSMGM_SAN_HOSTNAME,
    "uri": TLSMGM_SAN_URI,
    "ip": TLSMGM_SAN_IP,
}


cdef object certificate_from(tlsmgm_bytes der):
    """A Certificate of these bytes, or None when there are none."""
    return None if der.size == 0 else Certificate(bytes_of(der))


# --- texts that C writes: all of it into the first room, or else into one of the right size ---

ctypedef bint (*_Writer)(tlsmgm_bytes, int, char *, size_t, size_t *) noexcept


cdef bint _write_line(tlsmgm_bytes name, int _, char *out, size_t size, size_t *length) noexcept:
    length[0] = tlsmgm_name_text(name, out, size)
    return True


cdef bint _write_attribute(
    tlsmgm_bytes name, int which, char *out, size_t size, size_t *length
) noexcept:
    return tlsmgm_name_attribute(name, <tlsmgm_attribute> which, out, size, length)


cdef bint _write_first(
    tlsmgm_bytes names, int kind, char *out, size_t size, size_t *length
) noexcept:
    return tlsmgm_san_text(names, <tlsmgm_san_kind> kind, out, size, length)


cdef bint _write_alt_name(
    tlsmgm_bytes value, int kind, char *out, size_t size, size_t *length
) noexcept:
    return tlsmgm_san_value_text(<tlsmgm_san_kind> kind, value, out, size, length)


cdef object _text(_Writer write, tlsmgm_bytes value, int kind):
    """What is written of a value, as ``str``; None where there is nothing to write."""
    cdef char room[1024]
    cdef size_t length = 0
    if not write(value, kind, room, sizeof(room), &length):
        return None
    if length < sizeof(room):
        return room[:length].decode("utf-8")
    cdef char *whole = <char *> malloc(length + 1)
    if whole == NULL:
        raise MemoryError
    try:
        write(value, kind, whole, length + 1, &length)
        return whole[:length].decode("utf-8")
    finally:
        free(whole)


cdef str one_line(tlsmgm_bytes name):
    """A distinguished name for people."""
    return _text(_write_line, name, 0)


cdef str _time_text(tlsmgm_certificate_time time):
    cdef char text[64]
    cdef size_t length = tlsmgm_time_text(time, text, sizeof(text))
    return text[:length].decode("ascii")


cdef object moment(tlsmgm_certificate_time time):
    """``datetime`` in UTC; None where there is no such time."""
    cdef int64_t seconds = 0
    return moment_at(seconds) if tlsmgm_time_unix(time, &seconds) else None


cdef object moment_at(int64_t seconds):
    """The same for seconds since 1970; None is also a time out of Python's reach."""
    try:
        return _EPOCH + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return None


cdef class Certificate:
    """An X.509 certificate (RFC 5280).

    Args:
        der: the certificate's bytes in DER.

    Raises:
        ProtocolError: these bytes are no certificate.
    """

    def __cinit__(self, bytes der not None):
        cdef tlsmgm_error error
        self.der = der
        check(tlsmgm_certificate_fields_read(view_of(der), &self.fields, &error), &error, None)

    @staticmethod
    def from_pem(data):
        """All certificates of a PEM text, in its order.

        Args:
            data: ``str`` or ``bytes``; text around the certificates is passed over, and so are
                OpenSSL's trust settings behind one.

        Raises:
            ConfigError: there is none, or something in the text is broken.
        """
        text = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
        found = []
        for item in read_chain(text):
            try:
                found.append(Certificate(item.der))
            except ProtocolError as error:
                raise ConfigError(f"{item.place} is broken: {error}") from error
        return tuple(found)

    @property
    def pem(self):
        """The certificate in PEM, as ``str``."""
        body = "\n".join(textwrap.wrap(base64.b64encode(self.der).decode(), 64))
        return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"

    @property
    def version(self):
        """The raw version field: 2 for a v3 certificate."""
        return self.fields.version

    @property
    def serial(self):
        """The serial number, of any size."""
        return int(self.serial_text)

    @property
    def serial_text(self):
        """The serial number in decimal digits."""
        cdef char text[700]
        cdef size_t length = tlsmgm_serial_text(self.fields.serial, text, sizeof(text))
        return text[:length].decode("ascii")

    @property
    def subject(self):
        """The subject in one line, such as ``/C=AT/O=enum.at/CN=enum.at``. For people only."""
        return one_line(self.fields.subject)

    @property
    def issuer(self):
        """The issuer in one line."""
        return one_line(self.fields.issuer)

    def subject_attribute(self, str name not None):
        """The first of an attribute, or None.

        Args:
            name: ``cn``, ``locality``, ``country``, ``state``, ``organization``, ``unit``, or
                ``serial``: the subject's own number (RFC 5280 appendix A.1), not the certificate's.
        """
        return _text(_write_attribute, self.fields.subject, _ATTRIBUTES[name])

    def issuer_attribute(self, str name not None):
        """As ``subject_attribute()``, of the issuer."""
        return _text(_write_attribute, self.fields.issuer, _ATTRIBUTES[name])

    @property
    def subject_cn(self):
        """The subject's common name, or None."""
        return self.subject_attribute("cn")

    @property
    def issuer_cn(self):
        """The issuer's common name, or None."""
        return self.issuer_attribute("cn")

    @property
    def is_self_issued(self):
        """Whether issuer and subject are the same name."""
        return bytes_of(self.fields.issuer) == bytes_of(self.fields.subject)

    @property
    def not_before(self):
        """Start of validity, ``datetime`` in UTC."""
        return moment(self.fields.not_before)

    @property
    def not_after(self):
        """End of validity, ``datetime`` in UTC."""
        return moment(self.fields.not_after)

    @property
    def not_before_text(self):
        """Start of validity as OpenSSL prints it: ``Jan  1 00:00:00 2024 GMT``."""
        return _time_text(self.fields.not_before)

    @property
    def not_after_text(self):
        """End of validity as OpenSSL prints it."""
        return _time_text(self.fields.not_after)

    def alt_name(self, str kind not None):
        """The first ``email``, ``hostname``, ``uri`` or ``ip`` alternative name, or None."""
        return _text(_write_first, self.fields.subject_alt_names, _SAN_KINDS[kind])

    def alt_names(self, str kind not None):
        """All alternative names of a kind that have a text, in order."""
        cdef tlsmgm_cursor cursor = make_cursor(self.fields.subject_alt_names)
        cdef tlsmgm_san_kind found
        cdef tlsmgm_bytes value
        wanted = _SAN_KINDS[kind]
        texts = []
        while tlsmgm_san_next(&cursor, &found, &value):
            if found == wanted:
                text = _text(_write_alt_name, value, found)
                if text is not None:
                    texts.append(text)
        return tuple(texts)

    @property
    def usages(self):
        """Of TLS, what the certificate is for: a set of ``server`` and ``client``; None: anything.

        This is its extendedKeyUsage (RFC 5280 section 4.2.1.12); others are not looked at.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_certificate facts
        check(tlsmgm_certificate_read(view_of(self.der), &facts, &error), &error, None)
        if not facts.has_extended_usage:
            return None
        found = set()
        if facts.extended_usage & (TLSMGM_FOR_SERVERS | TLSMGM_FOR_GATED_SERVERS):
            found.add("server")
        if facts.extended_usage & TLSMGM_FOR_CLIENTS:
            found.add("client")
        return frozenset(found)

    @property
    def signature_algorithm(self):
        """Object identifier of the signature's algorithm, such as ``1.2.840.113549.1.1.11``."""
        cdef tlsmgm_bytes oid = self.fields.signature_algorithm
        cdef size_t at
        numbers = []
        number = 0
        for at in range(oid.size):
            number = number << 7 | oid.data[at] & 0x7f
            if oid.data[at] < 0x80:
                numbers.append(number)
                number = 0
        first = min(numbers[0] // 40, 2)  # the first two stand in one (X.690 section 8.19.4)
        return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))

    @property
    def public_key_info(self):
        """The public key and its algorithm, a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1)."""
        return bytes_of(self.fields.public_key_info)

    def __eq__(self, other):
        return isinstance(other, Certificate) and self.der == (<Certificate> other).der

    def __hash__(self):
        return hash(self.der)

    def __repr__(self):
        return f"<Certificate {self.subject}>"
