"""Delayed redelivery without a plugin: a message rests in queues that let go of it after a time.

A queue of the broker drops its first message when its time is up, and hands it to the queue that it
came from. All messages in one of them rest equally long, so that none waits behind a longer one;
the lengths are 64 ms times powers of two, 22 queues for all groups together. A delay is made up of
at most four rests; it is never shorter than was asked, and longer by an eighth and 64 ms at most.
"""

from __future__ import annotations

from typing import Final

UNIT_MS: Final = 64
LEVELS: Final = 22
_BITS: Final = 3  # as exact as three binary digits


def units(delay_ms: int) -> int:
    """The delay in units, rounded up so that few rests make it up."""
    whole = -(-max(delay_ms, 0) // UNIT_MS)
    dropped = max(whole.bit_length() - _BITS, 0)
    return -(-whole >> dropped) << dropped if dropped else whole


def next_rest(left: int) -> int:
    """The level of the longest rest that fits into so many units, at least one."""
    return min(left.bit_length() - 1, LEVELS - 1)
