"""Servers that somebody names by a URL in the environment: taken first, and looked at first."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from dev.services.greetings import NotReady, greet

VARIABLES = {"postgres": "POSTGRES_URL", "kafka": "KAFKA_URL", "rabbitmq": "RABBITMQ_URL"}
_SCHEMES = {
    "postgres": ("postgresql", "postgres"),
    "kafka": ("kafka",),
    "rabbitmq": ("amqp",),
}
_PORTS = {"postgres": 5432, "kafka": 9092, "rabbitmq": 5672}


class WrongUrl(Exception):
    """A URL in the environment leads to no such server; the text says what to do."""


def given(kind: str, environment: Mapping[str, str]) -> str | None:
    """The URL that the environment names for this kind of server, if any; raise WrongUrl if bad."""
    variable = VARIABLES[kind]
    url = environment.get(variable, "").strip()
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES[kind] or not parts.netloc:
        like = f"{_SCHEMES[kind][0]}://host:{_PORTS[kind]}"
        raise WrongUrl(f"{variable} must look like {like}, and is {hidden(url)}.")
    hosts = parts.netloc.rpartition("@")[2].split(",")
    problems: list[str] = []
    for host in hosts:  # of several brokers, one that answers is enough
        try:
            _greet(kind, host)
            return url
        except (NotReady, ValueError) as error:
            problems.append(str(error))
    raise WrongUrl(
        f"{variable} is {hidden(url)}, and no {kind} answers there ({'; '.join(problems)}). "
        f"Start it, or unset {variable} to have one started."
    )


def hidden(url: str) -> str:
    """The same URL without its password."""
    before, at, after = url.rpartition("@")
    scheme, separator, login = before.partition("://")
    user, colon, _ = login.partition(":")
    return f"{scheme}{separator}{user}{':…' if colon else ''}{at}{after}"


def _greet(kind: str, place: str) -> None:
    parts = urlsplit(f"//{place}")
    greet(kind, parts.hostname or "127.0.0.1", parts.port or _PORTS[kind])
