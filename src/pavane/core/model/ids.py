"""Ids as UUIDs (RFC 9562): of version 7, ordered by time; of version 5, from a name alone."""

from __future__ import annotations

import hashlib

_BITS_74 = (1 << 74) - 1
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def execution_id(now: int, bits: int) -> str:
    """The id for an execution created at `now` (ms), from 74 given random bits."""
    bits &= _BITS_74
    value = (now & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (bits >> 62) << 64
    value |= 0b10 << 62
    value |= bits & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def named_id(space: bytes, name: str) -> str:
    """The UUID of version 5: `str(uuid.uuid5(space, name))`, in a third of the time."""
    digest = hashlib.sha1(space + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def child_id(parent_id: str, ref: str, attempt: int, now: int) -> str:
    """The id of the execution that a step starts: the same for the same attempt and time."""
    seed = f"{parent_id}\0{ref}\0{attempt}".encode()
    digest = hashlib.blake2b(seed, digest_size=10).digest()
    return execution_id(now, int.from_bytes(digest))


def first_at(now: int) -> str:
    """What comes in front of all ids of executions created at `now` (ms) or later."""
    text = f"{now & ((1 << 48) - 1):012x}"
    return f"{text[:8]}-{text[8:]}"


def fraction(*parts: object) -> float:
    """A number in [0, 1) drawn from the parts: jitter that repeats with its seed."""
    seed = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(seed, digest_size=7).digest()) / (1 << 56)
