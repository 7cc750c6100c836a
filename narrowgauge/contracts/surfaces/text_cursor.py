"""A position in the text of a call, for the readers of surfaces: strict recursive descent."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from narrowgauge.errors import InvalidRequest

__all__ = ["TextCursor"]

_SHOWN = 24


class TextCursor:
    """A position in a text."""

    refusal: ClassVar[str] = "NOT_A_CALL"
    """Reason of the error for a text that does not go on as it should."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def expected(self, what: str) -> NoReturn:
        """Raises the error for a text that does not go on as it should."""
        found = self.text[self.at : self.at + _SHOWN]
        raise InvalidRequest(self.refusal, f"at character {self.at}: expected {what}, found {found!r}")

    def take(self, word: str) -> bool:
        """Reads a fixed word if it is next."""
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def need(self, word: str) -> None:
        """Reads a fixed word."""
        if not self.take(word):
            self.expected(repr(word))
