"""HTTPS at the door itself: a certificate and its key, from files."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from pavane.errors import UsageError


class Tls(NamedTuple):
    """Paths of a certificate (with its chain) and of its key, both in PEM."""

    cert: str
    key: str | None


def tls_from(cert: str | None, key: str | None) -> Tls | None:
    """What two options say; tried out at once. UsageError for files that do not serve."""
    if cert is None:
        if key is not None:
            raise UsageError("A TLS key without a certificate.", "Give --tls-cert as well.")
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError) as error:
        beside = f" and '{key}'" if key else ""
        raise UsageError(
            f"'{cert}'{beside} cannot be used for TLS: {error.strerror or error}.",
            "Give a certificate and its key in PEM, the key without a pass phrase.",
        ) from error
    return Tls(cert, key)
