"""What to do about files that do not load, where a library only says that they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tlsmgm._core.certificate import Certificate
from tlsmgm._core.items import Item, read_chain
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.words import at_most
from tlsmgm._material.reading import Reader
from tlsmgm.errors import ConfigError, TLSError

__all__ = ["chain_advice", "crl_advice", "foreign_key_advice"]

#: What both libraries' backends say of a key that is of another certificate.
_FOREIGN_KEY = "the key does not belong to the certificate"

#: Files of a directory that are named, at most.
_MAX_NAMED = 3


def foreign_key_advice(domain: Domain, error: ConfigError, reader: Reader) -> Iterator[str]:
    """Say which certificate a key does not fit, and whether the order of the chain is to blame.

    Args:
        domain: that did not load.
        error: why.
        reader: of the load.

    Yields:
        Sentences for the hint.
    """
    if error.reason != _FOREIGN_KEY or error.parameter not in ("private_key", "private_key2"):
        return
    name = error.parameter.replace("private_key", "certificate")
    source = getattr(domain, name)
    try:
        items = read_chain(reader.content(source), name)
    except TLSError:
        return
    yield from chain_advice(items)


def chain_advice(items: Sequence[Item]) -> Iterator[str]:
    """Say what stands first in a chain that a key does not fit.

    Args:
        items: of the chain, in order.

    Yields:
        Sentences for a hint.
    """
    try:
        chain = [Certificate(item.der) for item in items]
        first, others = chain[0], [item for item in chain[1:] if item != chain[0]]
    except (TLSError, IndexError):
        return
    yield f"the first certificate is {first.subject} in {items[0].place}"
    issued = [item for item in others if item.issuer == first.subject]
    if issued:
        yield (
            f"it issued {issued[0].subject}, which stands behind it: the domain's own certificate "
            "must come first, then its issuer, and so on"
        )
    elif others:
        yield "the domain's own certificate must come first in the file, the one made for this key"
    else:
        yield "give the key for which the certificate was made"


def crl_advice(domain: Domain, error: ConfigError, reader: Reader) -> str | None:
    """Say what a directory holds instead of CRLs.

    Args:
        domain: that did not load.
        error: why.
        reader: of the load.

    Returns:
        A hint; None if there is nothing to say.
    """
    path = domain.crl_dir
    if error.reason.startswith("cannot read directory"):
        return "crl_dir is a directory with CRLs in PEM; make it, or leave crl_dir out"
    if path is None or error.reason != f"no CRL in {path}":
        return None
    folder = reader.folder(path, "crl_dir")
    names = [file.path.rpartition("/")[2] for file in folder.files]
    empty = [name for name, file in zip(names, folder.files, strict=True) if not len(file)]
    if empty:
        held = f"{at_most(_MAX_NAMED, empty)} there {'is' if len(empty) == 1 else 'are'} empty"
    else:
        held = (
            f"{at_most(_MAX_NAMED, names)} there hold none" if names else "there are no files in it"
        )
    return f"{held}; put the CRLs of the domain's CAs there, or leave crl_dir out"
