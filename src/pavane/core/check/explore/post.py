"""The network's memory: each message once, with a number, and what may be said of it."""

from __future__ import annotations

from msgspec import structs

from pavane.core.projection.message import Message


class Post:
    """Numbers messages as they are met; sets of them are bits, `width` for each message.

    With a width of 1 a message is there or not; with 4 it may be there up to fifteen times.
    """

    def __init__(self, roles: tuple[str, ...], width: int) -> None:
        self.width = width
        self.messages: list[Message] = []
        self.to: dict[str, int] = dict.fromkeys(roles, 0)  # by receiver: all bits of its messages
        self.rivals: dict[int, int] = {}  # by message: others of the same id, as bits
        self.contested = 0
        self._numbers: dict[Message, int] = {}
        self._ids: dict[Message, list[int]] = {}

    def number(self, message: Message) -> int:
        """The number of a message; what only people read does not tell two apart."""
        message = structs.replace(message, cause="", reason="")
        if message not in self._numbers:
            self._meet(message)
        return self._numbers[message]

    def one(self, number: int) -> int:
        """A set of this message alone."""
        return 1 << number * self.width

    def _meet(self, message: Message) -> None:
        number = self._numbers[message] = len(self.messages)
        self.messages.append(message)
        self.to[message.to] |= ((1 << self.width) - 1) << number * self.width
        # What goes into the id (message.py); the rest must not differ within one run.
        named = structs.replace(message, count=0, report=(), values=(), something=False)
        same = self._ids.setdefault(named, [])
        for other in same:
            for one, two in ((number, other), (other, number)):
                self.rivals[one] = self.rivals.get(one, 0) | self.one(two)
                self.contested |= self.one(one)
        same.append(number)
