"""People who have logged in with a browser: which cookie stands for which key, until when."""

from __future__ import annotations

import hashlib

from pavane.engine.keyring import Holder, Keyring

LIFE_S = 12 * 3600
MOST = 1000  # the oldest goes for another one


class Sessions:
    """Kept in memory, by the digest of the cookie: a server that restarts asks for keys again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._open: dict[bytes, tuple[Holder, int]] = {}

    def begin(self, holder: Holder) -> str:
        """The value of a cookie that stands for the key for LIFE_S seconds."""
        value = self._keyring.secret()
        while len(self._open) >= MOST:
            del self._open[next(iter(self._open))]
        self._open[_digest(value)] = (holder, self._keyring.now() + LIFE_S * 1000)
        return value

    def holder(self, value: str) -> Holder | None:
        """Whose session it is; None where it has ended, or its key has."""
        found = self._open.get(_digest(value))
        if found is None:
            return None
        holder, until = found
        if self._keyring.now() >= until or not self._keyring.stands(holder):
            self.end(value)
            return None
        return holder

    def end(self, value: str) -> None:
        """Log out; fine when there is no such session."""
        self._open.pop(_digest(value), None)


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
