"""A position in canonical SQL text, and the smallest parts that can stand there."""

from __future__ import annotations

import re
from collections.abc import Callable

from narrowgauge.contracts.surfaces.sql.words import DATE, INTEGER, NUMBER, identifier
from narrowgauge.contracts.surfaces.text_cursor import TextCursor
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["INTEGER_PATTERN", "NUMBER_PATTERN", "Cursor"]

INTEGER_PATTERN = re.compile(INTEGER)
NUMBER_PATTERN = re.compile(rf"-?(?:{NUMBER})")
_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|"(?:[^"]|"")+"')
_STRING = re.compile(r"'(?:[^'\x00-\x1f\x7f]|'')*'")
_DATE = re.compile(DATE)
_MAX_NESTING = 24  # parentheses and queries: far above what the grammar allows, far below Python's own limit


class Cursor(TextCursor):
    """A position in canonical SQL text."""

    refusal = "NOT_CANONICAL_SQL"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.nesting = 0

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Reads what matches, if anything."""
        found = pattern.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        return found[0]

    def series(self, read: Callable[[], None]) -> None:
        """Reads one or more parts with commas between."""
        read()
        while self.take(", "):
            read()

    def enter(self) -> None:
        """Goes one level deeper."""
        self.nesting += 1
        if self.nesting > _MAX_NESTING:
            raise InvalidRequest("NESTED_TOO_DEEPLY", f"at character {self.at}: nested too deeply")

    def name(self) -> str:
        """Reads a name in its canonical form, unquoted."""
        at = self.at
        written = self.match(_NAME)
        if written is None:
            self.expected("a name")
        name = written[1:-1].replace('""', '"') if written.startswith('"') else written
        if identifier(name) != written:
            self.at = at
            self.expected(f"the name as {identifier(name)}")
        return name

    def literal(self, literal: sql_pb2.Literal) -> None:
        """Reads a given value."""
        if self.take("TRUE"):
            literal.boolean = True
        elif self.take("FALSE"):
            literal.boolean = False
        elif self.text.startswith("'", self.at):
            text = self.string()
            if _DATE.fullmatch(text):
                literal.date = text
            else:
                literal.text = text
        elif (number := self.match(NUMBER_PATTERN)) is not None:
            literal.number = float(number)
        elif (integer := self.match(INTEGER_PATTERN)) is not None:
            literal.integer = int(integer)
        else:
            self.expected("a value")

    def string(self) -> str:
        """Reads a text in single quotes."""
        text = self.match(_STRING)
        if text is None:
            self.expected("a text in single quotes")
        return text[1:-1].replace("''", "'")
