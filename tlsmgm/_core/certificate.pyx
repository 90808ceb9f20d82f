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
    if der.size == 0:
        return None
    return Certificate((<const char *> der.data)[:der.size])


cdef str _one_line(tlsmgm_bytes name):
    cdef size_t size = tlsmgm_name_text(name, NULL, 0) + 1
    cdef char *text = <char *> malloc(size)
    if text == NULL:
        raise MemoryError
    try:
        tlsmgm_name_text(name, text, size)
        return text[:size - 1].decode("ascii")
    finally:
        free(text)


cdef object _attribute(tlsmgm_bytes name, tlsmgm_attribute which):
    cdef size_t length = 0
    if not tlsmgm_name_attribute(name, which, NULL, 0, &length):
        return None
    cdef char *text = <char *> malloc(length + 1)
    if text == NULL:
        raise MemoryError
    try:
        tlsmgm_name_attribute(name, which, text, length + 1, &length)
        return text[:length].decode("utf-8")
    finally:
        free(text)


cdef object _san_text(tlsmgm_san_kind kind, tlsmgm_bytes value):
    cdef size_t length = 0
    if not tlsmgm_san_value_text(kind, value, NULL, 0, &length):
        return None
    cdef char *text = <char *> malloc(length + 1)
    if text == NULL:
        raise MemoryError
    try:
        tlsmgm_san_value_text(kind, value, text, length + 1, &length)
        return text[:length].decode("ascii")
    finally:
        free(text)


cdef str _time_text(tlsmgm_certificate_time time):
    cdef char text[64]
    cdef size_t length = tlsmgm_time_text(time, text, sizeof(text))
    return text[:length].decode("ascii")


cdef object _time(tlsmgm_certificate_time time):
    cdef int64_t seconds = 0
    if not tlsmgm_time_unix(time, &seconds):
        return None
    return _EPOCH + datetime.timedelta(seconds=seconds)


cdef class Certificate:
    """An X.509 certificate (RFC 5280).

    Args:
        der: the certificate's bytes in DER.

    Raises:
        ProtocolError: these bytes are no certificate.
    """

    def __cinit__(self, bytes der not None):
        cdef tlsmgm_error error
        cdef tlsmgm_bytes view
        self.der = der
        view.data = <const unsigned char *> <const char *> der
        view.size = len(der)
        check(tlsmgm_certificate_fields_read(view, &self.fields, &error), &error, None)

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
        return _one_line(self.fields.subject)

    @property
    def issuer(self):
        """The issuer in one line."""
        return _one_line(self.fields.issuer)

    def subject_attribute(self, str name not None):
        """The first of an attribute, or None.

        Args:
            name: ``cn``, ``locality``, ``country``, ``state``, ``organization``, ``unit``, or
                ``serial``: the subject's own number (RFC 5280 appendix A.1), not the certificate's.
        """
        return _attribute(self.fields.subject, _ATTRIBUTES[name])

    def issuer_attribute(self, str name not None):
        """As ``subject_attribute()``, of the issuer."""
        return _attribute(self.fields.issuer, _ATTRIBUTES[name])

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
        cdef tlsmgm_bytes issuer = self.fields.issuer
        cdef tlsmgm_bytes subject = self.fields.subject
        return (<const char *> issuer.data)[:issuer.size] == (
            <const char *> subject.data
        )[:subject.size]

    @property
    def not_before(self):
        """Start of validity, ``datetime`` in UTC."""
        return _time(self.fields.not_before)

    @property
    def not_after(self):
        """End of validity, ``datetime`` in UTC."""
        return _time(self.fields.not_after)

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
        cdef size_t length = 0
        cdef char text[1024]
        cdef tlsmgm_san_kind which = _SAN_KINDS[kind]
        if not tlsmgm_san_text(self.fields.subject_alt_names, which, text, sizeof(text), &length):
            return None
        if length < sizeof(text):
            return text[:length].decode("ascii")
        return self.alt_names(kind)[0]

    def alt_names(self, str kind not None):
        """All alternative names of a kind that have a text, in order."""
        cdef tlsmgm_cursor cursor = make_cursor(self.fields.subject_alt_names)
        cdef tlsmgm_san_kind found
        cdef tlsmgm_bytes value
        wanted = _SAN_KINDS[kind]
        texts = []
        while tlsmgm_san_next(&cursor, &found, &value):
            if found == wanted:
                text = _san_text(found, value)
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
        cdef tlsmgm_bytes view
        view.data = <const unsigned char *> <const char *> self.der
        view.size = len(self.der)
        check(tlsmgm_certificate_read(view, &facts, &error), &error, None)
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
        cdef tlsmgm_bytes info = self.fields.public_key_info
        return (<const char *> info.data)[:info.size]

    def __eq__(self, other):
        return isinstance(other, Certificate) and self.der == (<Certificate> other).der

    def __hash__(self):
        return hash(self.der)

    def __repr__(self):
        return f"<Certificate {self.subject}>"
