"""The plain words of ``Domain.server()``, ``client()`` and ``replace()``, in those of the manual.

The table of parameters has the words that stand for one field, such as ``names``.  For ``versions``
see :func:`method_of_versions`; ``client_auth`` is two fields, see :data:`CLIENT_AUTH`.

A word that is not there, and two words for one thing, are mistakes in a program: TypeError, as for
any call in Python.  A value that cannot be used is a ConfigError under the name that was written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from tlsmgm._domains.parameters import PARAMETERS
from tlsmgm._domains.words import did_you_mean
from tlsmgm.errors import ConfigError

__all__ = ["CLIENT_AUTH", "WORDS", "manual_values", "method_of_versions"]

#: Parameters of the manual, by their friendly names.
_FIELDS: Final = {item.friendly: item.field for item in PARAMETERS if item.friendly is not None}

#: What ``client_auth`` says of clients' certificates: ``verify_cert`` and ``require_cert``.
CLIENT_AUTH: Final[Mapping[str, tuple[bool, bool]]] = {
    "none": (False, False),
    "optional": (True, False),
    "required": (True, True),
}

#: Words that are no parameters of the class.
WORDS: Final = frozenset({*_FIELDS, "client_auth"})

#: The manual's name of each TLS version; it has none for 1.1 alone.
_METHODS: Final = {"1.0": "TLSv1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}

#: What others call a parameter, and what it is called here.
_ELSEWHERE: Final = {
    "ca": "ca_list",
    "cafile": "ca_list",
    "capath": "ca_dir",
    "cert": "certificate",
    "certfile": "certificate",
    "ciphers": "cipher_list",
    "ciphers_list": "cipher_list",
    "curves": "ec_curve",
    "groups": "ec_curve",
    "hostnames": "names",
    "keyfile": "key",
    "password": "private_key_passphrase",
    "server_names": "names",
    "sni": "names",
    "tls_method": "method",
}

_FORMS: Final = "write '1.2+', '1.3', '1.2' or '1.2-1.3'"


def manual_values(
    call: str,
    kind: str,
    name: object,
    friendly: Mapping[str, object],
    others: Mapping[str, Any],
    *,
    fields: Collection[str],
    normalise: Callable[[str, object], Any],
) -> dict[str, Any]:
    """Translate the words of one call.

    Args:
        call: such as ``"server"``, for messages.
        kind: of the domain, ``"server"`` or ``"client"``.
        name: of the domain, for messages.
        friendly: values by plain word, or by field.
        others: the other words of the call.
        fields: names of Domain's fields.
        normalise: brings the value of a field into its stored form.

    Returns:
        Values by field of Domain.

    Raises:
        ConfigError: a value cannot be used; domain and parameter are named.
        TypeError: there is no such parameter, or two words say one thing.
    """
    _check_words(call, others, fields)
    if kind == "client" and "client_auth" in {*friendly, *others}:
        raise TypeError(
            f"Domain.{call}(): a client domain has no client_auth: it verifies the server unless "
            "verify_cert is False, and shows its own certificate if it has one"
        )
    values = dict(others)
    for word, value in friendly.items():
        try:
            found = _translated(word, value, normalise)
        except ConfigError as error:
            domain = name if isinstance(name, str) else None
            raise error.at(domain=domain, parameter=word) from None
        twice = found.keys() & others.keys()
        if twice:
            raise TypeError(f"Domain.{call}(): give {word}, or {' and '.join(sorted(twice))}")
        values |= found
    return values


def _translated(
    word: str, value: object, normalise: Callable[[str, object], Any]
) -> dict[str, object]:
    if word == "client_auth":
        return dict(zip(("verify_cert", "require_cert"), _client_auth(value), strict=True))
    field = _FIELDS.get(word, word)
    if word == "versions":
        value = method_of_versions(value)
    return {field: normalise(field, value)}


def _client_auth(value: object) -> tuple[bool, bool]:
    if not isinstance(value, str) or value not in CLIENT_AUTH:
        raise ConfigError(f"must be 'none', 'optional' or 'required', not {value!r}")
    return CLIENT_AUTH[value]


def method_of_versions(versions: object) -> str:
    """Say in the manual's words (1.9.3) which TLS versions are meant.

    Args:
        versions: ``"1.3"`` is this version alone, ``"1.2-1.3"`` is a range, ``"1.2+"`` is this one
            and all later ones that tlsmgm knows, today up to 1.3.

    Returns:
        A value for ``method``.

    Raises:
        ConfigError: it is none of these forms, the range is empty, or an end of it is TLS 1.1, for
            which the manual has no word.
    """
    if not isinstance(versions, str):
        raise ConfigError(f"must be text, not {type(versions).__name__}", hint=_FORMS)
    written = versions.strip()
    if written.endswith("+"):
        return f"{_method(written[:-1].strip(), written)}-"
    low, dash, high = (part.strip() for part in written.partition("-"))
    if not dash:
        return _method(low, written)
    ends = _method(low, written), _method(high, written)
    if low > high:
        raise ConfigError(f"range {written!r} is empty", hint=f"write '{high}-{low}'")
    return "-".join(ends)


def _method(version: str, written: str) -> str:
    found = _METHODS.get(version)
    if found is not None:
        return found
    if version == "1.1":
        raise ConfigError(
            f"{written!r} cannot be said in a method, which has no word for TLS 1.1",
            hint="'1.0-1.2' and '1.0+' include it, '1.2+' leaves it out",
        )
    raise ConfigError(
        f"{written!r} names no versions of TLS",
        hint=f"{_FORMS}; the manual's words, such as 'TLSv1_2-', are for method",
    )


def _check_words(call: str, others: Mapping[str, object], fields: Collection[str]) -> None:
    for word in others:
        if word == "kind" and call != "replace":
            raise TypeError(f"Domain.{call}() makes a {call} domain: leave kind out")
        if word not in fields and word != "client_auth":
            raise TypeError(f"Domain.{call}() has no parameter {word!r}{_meant(word, fields)}")


def _meant(word: str, fields: Collection[str]) -> str:
    found = _ELSEWHERE.get(word.lower())
    hint = f"did you mean {found!r}?" if found else did_you_mean(word, [*fields, *_FIELDS])
    return "" if hint is None else f": {hint}"
