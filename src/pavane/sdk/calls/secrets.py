"""The secrets of calls: values from the environment, each for the places that it may be sent to.

Whoever may define tasks writes URLs and headers, so a secret that went wherever a definition says
would be theirs. Where it may go is said beside it, by whoever runs the process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from pavane.errors import ExpressionError

_PORTS = {"http": 80, "https": 443}
_BESIDE = "_HOSTS"


class Origin(NamedTuple):
    """Where a request goes: the scheme too, since plain HTTP can be read on its way."""

    scheme: str
    host: str
    port: int


def secret_for(name: str, url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The secret PAVANE_SECRET_NAME, for a request to this URL.

    ExpressionError, with nothing of the secret in it, where that is not known, or where
    PAVANE_SECRET_NAME_HOSTS does not name the place: `HOST` or `HOST:PORT` for HTTPS,
    `http://HOST:PORT` for plain HTTP, with blanks or commas between several.
    """
    variable = f"PAVANE_SECRET_{name.upper()}"
    if variable.endswith(_BESIDE):
        raise ExpressionError(
            f"A secret cannot be named {name}: that says where another one may go.",
            "Give it a name with another end.",
        )
    value = environment.get(variable)
    if not value:
        raise ExpressionError(
            f"The secret {name} is not known here.",
            f"Set {variable} in the environment of the process that makes the call.",
        )
    beside = variable + _BESIDE
    told = environment.get(beside, "").replace(",", " ").split()
    here = _origin(url)
    if here is None or here not in map(_origin, told):
        place = _text(here) if here else url
        raise ExpressionError(
            f"The secret {name} may not go to {place}: {beside} does not name it.",
            f"If that is meant, add {place} there, in the environment of who makes the call.",
        )
    return value


def _origin(text: str) -> Origin | None:
    """Of a URL or of a place as it is written for people; None for what is neither."""
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host, port = url.hostname, url.port
    except ValueError:
        return None
    if url.scheme not in _PORTS or not host:
        return None
    return Origin(url.scheme, host.rstrip(".").lower(), port or _PORTS[url.scheme])


def _text(here: Origin) -> str:
    """As it would be written to allow it."""
    host = f"[{here.host}]" if ":" in here.host else here.host
    port = "" if here.port == _PORTS[here.scheme] else f":{here.port}"
    return f"{'' if here.scheme == 'https' else 'http://'}{host}{port}"
