"""The keys of a store in use: made, told apart, taken away.

A key is `pvk_ID_SECRET`. Its secret has 256 bits from the system's random source, so nobody guesses
it, and one SHA-256 is enough to keep it by: a slow hash makes guessing passwords dear, and would
here only make every request dear. Everything that a request needs is in memory; a bad key costs its
sender's server one hash, and the store nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from base64 import b32encode
from collections.abc import Iterable

import msgspec

from pavane.core.model.access import ROLES, Role, reach
from pavane.errors import AlreadyExistsError, ConflictError, InputError, NotFoundError
from pavane.ports.clock import Chance, Clock
from pavane.ports.keys import Keys, StoredKey

_LOG = logging.getLogger("pavane.access")

_KEY = re.compile(r"pvk_([a-z2-7]{10})_([a-z2-7]{52})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LATEST = 221_845_392_000_000  # the year 9000; later times trip calendars
_NOBODY = bytes(32)  # no SHA-256 that anybody knows a secret for


class Holder(msgspec.Struct, eq=False):
    """A key in use: what it reaches, and how often it came since the server started."""

    key: StoredKey
    roles: frozenset[Role]
    requests: int = 0
    last_used_at: int = 0  # epoch milliseconds, 0 for not yet


class Keyring:
    """The keys of one store. Use from one event loop; `load` again what others change."""

    def __init__(self, keys: Keys, clock: Clock, chance: Chance) -> None:
        self._keys = keys
        self._clock = clock
        self._chance = chance
        self._holders: dict[str, Holder] = {}

    async def load(self) -> None:
        """Read the keys from the store, which must be open; those that are known stay in use."""
        stored = await self._keys.all()
        known = {holder.key: holder for holder in self._holders.values()}
        self._holders = {key.id: known.get(key) or Holder(key, reach(key.roles)) for key in stored}

    # --- who is it ------------------------------------------------------------------------------

    def holder(self, text: str) -> Holder | None:
        """Whose key this is; None for one that is malformed, unknown, removed or out of date."""
        parts = _KEY.fullmatch(text) if len(text) < 100 else None
        if parts is None:
            return None
        found = self._holders.get(parts[1])
        digest = found.key.digest if found else _NOBODY
        same = hmac.compare_digest(hashlib.sha256(parts[2].encode()).digest(), digest)
        return found if found and same and self.stands(found) else None

    def stands(self, holder: Holder) -> bool:
        """Whether the key is still there and in date."""
        key = holder.key
        if self._holders.get(key.id) is not holder:
            return False
        return key.expires_at == 0 or self._clock.now() < key.expires_at

    def used(self, holder: Holder) -> None:
        """Count a request."""
        holder.requests += 1
        holder.last_used_at = self._clock.now()

    def now(self) -> int:
        """Epoch milliseconds."""
        return self._clock.now()

    def secret(self) -> str:
        """256 random bits, as text."""
        return self._letters(256)

    def holders(self) -> list[Holder]:
        """All of them, by name; also those that are out of date."""
        return sorted(self._holders.values(), key=lambda each: each.key.name)

    def administered(self, besides: str = "") -> bool:
        """Whether some key that stands can administer, other than the one with this id."""
        return any(
            "administer" in each.roles and self.stands(each)
            for each in self._holders.values()
            if each.key.id != besides
        )

    # --- changes --------------------------------------------------------------------------------

    async def add(
        self, name: str, roles: Iterable[Role], *, expires_at: int = 0
    ) -> tuple[StoredKey, str]:
        """Make a key; the text is given this once and kept nowhere.

        InputError for a bad name, role or time; AlreadyExistsError where the name is taken.
        """
        wanted: tuple[Role, ...] = tuple(role for role in ROLES if role in frozenset(roles))
        self._check(name, wanted, expires_at)
        key_id = self._letters(80)[:10]
        secret = self.secret()
        digest = hashlib.sha256(secret.encode()).digest()
        key = StoredKey(key_id, name, wanted, digest, self._clock.now(), expires_at)
        if not await self._keys.add(key):
            raise AlreadyExistsError(
                f"There is a key '{name}' already.", "Give another name, or revoke that one first."
            )
        self._holders[key_id] = Holder(key, reach(wanted))
        _LOG.info("key '%s' (%s) added with %s", name, key_id, ", ".join(wanted))
        return key, f"pvk_{key_id}_{secret}"

    async def remove(self, wanted: str, *, spare_last: bool = False) -> StoredKey:
        """Take away a key, named by its id or its name; it opens nothing from now on.

        NotFoundError; ConflictError for the last that administers, where that is to be spared.
        """
        found = self._holders.get(wanted) or next(
            (each for each in self._holders.values() if each.key.name == wanted), None
        )
        if found is None:
            raise NotFoundError(f"There is no key '{wanted[:64]}'.", "`pavane keys list` has all.")
        key = found.key
        if spare_last and "administer" in found.roles and not self.administered(besides=key.id):
            raise ConflictError(
                f"'{key.name}' is the last key that administers.", "Add another one first."
            )
        await self._keys.remove(key.id)
        self._holders.pop(key.id, None)
        _LOG.info("key '%s' (%s) revoked", key.name, key.id)
        return key

    def _check(self, name: str, roles: tuple[Role, ...], expires_at: int) -> None:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name[:70]!r} is no name for a key.",
                "Use letters, digits, '.', '_' and '-': 64 at most, a letter or digit first.",
            )
        if not roles:
            raise InputError("The key has no role.", f"Give it some of {', '.join(ROLES)}.")
        if expires_at and not self._clock.now() < expires_at <= LATEST:
            raise InputError(
                f"The key cannot expire at {expires_at}.", "Choose a time to come, or none."
            )

    def _letters(self, bits: int) -> str:
        """So many random bits in letters and digits that need no quoting anywhere."""
        drawn = self._chance.getrandbits(bits).to_bytes(bits // 8, "big")
        return b32encode(drawn).decode().rstrip("=").lower()
