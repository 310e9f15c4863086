"""A place in a text that is being parsed; knows how to say where it stands."""

from __future__ import annotations

from pavane.core.expressions.bounds import Refused

_DIGITS = frozenset("0123456789")


class Cursor:
    """Reads a path character by character."""

    __slots__ = ("at", "depth", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        """How many filters and parentheses are open; bounded by who reads them."""

    @property
    def done(self) -> bool:
        """Whether everything was read."""
        return self.at >= len(self.text)

    def peek(self) -> str:
        """The next character, or an empty text at the end."""
        return self.text[self.at : self.at + 1]

    def spaces(self) -> None:
        """Skip white space."""
        while self.peek().isspace():
            self.at += 1

    def take(self, expected: str) -> bool:
        """Step over `expected` if it stands here."""
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def take_spaced(self, expected: str) -> bool:
        """Step over white space and then `expected`."""
        self.spaces()
        return self.take(expected)

    def integer(self) -> int | None:
        """An integer that stands here, if any."""
        begin = end = self.at
        if self.text.startswith("-", end):
            end += 1
        digits = end
        while self.text[end : end + 1] in _DIGITS:
            end += 1
        if end == digits:
            return None
        if end - digits > 9:
            raise self.refused("the index is too long", "Use an index of at most nine digits.")
        self.at = end
        return int(self.text[begin:end])

    def quoted(self) -> str:
        """A text in single or double quotes that stands here; a backslash escapes a character."""
        begin = self.at
        quote = self.peek()
        if quote not in ("'", '"'):
            raise self.refused("a quoted name is expected", "Write it in quotes: ['name'].")
        self.at += 1
        characters: list[str] = []
        while not self.done:
            char = self.peek()
            self.at += 1
            if char == quote:
                return "".join(characters)
            if char == "\\":
                char = self.peek()
                self.at += 1
            characters.append(char)
        self.at = begin
        raise self.refused("the quote is never closed", f"Close it with {quote}.")

    def refused(self, message: str, remedy: str) -> Refused:
        """The error for what stands here."""
        return Refused(message, remedy, column=self.at)
