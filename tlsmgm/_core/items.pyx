"""What the sources of a domain are made of, taken apart by the very readers of the backends."""

from typing import NamedTuple

from libc.string cimport memset

from tlsmgm._core.capi cimport (
    TLSMGM_TRUST_REJECTED,
    tlsmgm_blob,
    tlsmgm_chain,
    tlsmgm_chain_free,
    tlsmgm_chain_read,
    tlsmgm_ctx_config,
    tlsmgm_dh,
    tlsmgm_dh_free,
    tlsmgm_dh_read,
    tlsmgm_error,
    tlsmgm_source,
    tlsmgm_status,
    tlsmgm_trust_item,
    tlsmgm_trust_items,
    tlsmgm_trust_items_free,
    tlsmgm_trust_items_read,
)
from tlsmgm._core.material cimport Folder, Material
from tlsmgm._core.status cimport check, note_warning
from tlsmgm._core.views cimport view_of

from tlsmgm.errors import ConfigError


class Item(NamedTuple):
    """A certificate or a CRL.

    Attributes:
        der: its bytes in DER.
        place: where it stands, for messages: ``ca.pem, certificate 3 (line 41)``.
        rejected_for: CAs: the kinds of peers for whom it may not vouch, as its file says.
        is_delta: CRLs: it speaks only of changes.
    """

    der: bytes
    place: str
    rejected_for: frozenset = frozenset()
    is_delta: bool = False


class TrustItems(NamedTuple):
    """Whom a domain trusts.

    Attributes:
        cas: trusted certificates, those of ``ca_list`` first.
        listed: how many of them are of ``ca_list``.
        crls: lists of revoked certificates.
        warnings: pairs of a parameter and a sentence, of what was passed over.
    """

    cas: tuple
    listed: int
    crls: tuple
    warnings: tuple


cdef tlsmgm_source _source(object value) except *:
    """Good as long as the value lives."""
    cdef tlsmgm_source result
    if isinstance(value, Material):
        return (<Material> value).source()
    result.path = NULL
    result.data = view_of(<bytes?> value if value is not None else None)
    return result


cdef bytes _bytes_of(const tlsmgm_blob *blob):
    return (<const char *> blob.data)[:blob.size]


cdef object _item(const tlsmgm_trust_item *item):
    rejected = set()
    if item.for_servers == TLSMGM_TRUST_REJECTED:
        rejected.add("server")
    if item.for_clients == TLSMGM_TRUST_REJECTED:
        rejected.add("client")
    place = (<bytes> <const char *> item.where).decode("utf-8", "replace")
    return Item(_bytes_of(&item.der), place, frozenset(rejected), item.is_delta)


def read_chain(source not None, str parameter=None):
    """The certificates that a domain shows.

    Args:
        source: a ``Material``, or PEM as ``bytes``.
        parameter: for the error, or None.

    Returns:
        A tuple of ``Item``, leaf first; trust settings of OpenSSL are cut off.

    Raises:
        ConfigError: there is none, or something cannot be decoded; file, item and line are named.
    """
    cdef tlsmgm_error error
    cdef tlsmgm_chain chain
    cdef tlsmgm_source view = _source(source)
    cdef size_t at
    status = tlsmgm_chain_read(&view, NULL, &chain, &error)
    _check_parameter(status, &error, parameter)
    try:
        return tuple(
            [
                Item(
                    _bytes_of(&chain.items[at].der),
                    (<bytes> <const char *> chain.items[at].place).decode("utf-8", "replace"),
                )
                for at in range(chain.count)
            ]
        )
    finally:
        tlsmgm_chain_free(&chain)


cdef int _check_parameter(tlsmgm_status status, const tlsmgm_error *error, str parameter) except -1:
    try:
        check(status, error, None)
    except ConfigError as failure:
        raise failure.at(parameter=parameter) from None
    return 0


def read_dh(source not None):
    """The Diffie-Hellman parameters of a domain, alone, in PEM.

    Args:
        source: a ``Material``, or PEM as ``bytes``.

    Raises:
        ConfigError: there are none, or they cannot be decoded or are too small.
    """
    cdef tlsmgm_error error
    cdef tlsmgm_dh found
    cdef tlsmgm_source view = _source(source)
    check(tlsmgm_dh_read(&view, "dh_params", &found, &error), &error, None)
    try:
        return _bytes_of(&found.pem)
    finally:
        tlsmgm_dh_free(&found)


def read_trust(ca_list=None, ca_dir=None, crl_dir=None):
    """The certificates that a domain trusts, and its CRLs.

    Args:
        ca_list: a ``Material``, PEM as ``bytes``, or None.
        ca_dir: a ``Folder``, or None.
        crl_dir: a ``Folder``, or None.

    Returns:
        A ``TrustItems``.

    Raises:
        ConfigError: something in ``ca_list``, or in a CRL of ``crl_dir``, cannot be decoded; file,
            item and line are named. Or there is nothing where there must be something.
    """
    cdef tlsmgm_error error
    cdef tlsmgm_ctx_config config
    cdef tlsmgm_trust_items items
    cdef list warnings = []
    cdef size_t at
    memset(&config, 0, sizeof(config))
    config.ca_list = _source(ca_list)
    if ca_dir is not None:
        config.ca_dir = (<Folder?> ca_dir).directory()
    if crl_dir is not None:
        config.crl_dir = (<Folder?> crl_dir).directory()
    config.warn = note_warning
    config.warn_argument = <void *> warnings
    check(tlsmgm_trust_items_read(&config, &items, &error), &error, None)
    try:
        return TrustItems(
            tuple([_item(&items.cas[at]) for at in range(items.ca_count)]),
            items.ca_list_count,
            tuple([_item(&items.crls[at]) for at in range(items.crl_count)]),
            tuple(warnings),
        )
    finally:
        tlsmgm_trust_items_free(&items)
