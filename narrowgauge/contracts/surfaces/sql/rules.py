"""Rules of a Lark grammar as they are collected, and the columns that its rules can name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from narrowgauge.contracts.surfaces.sql.joins import keys_of, leads_again
from narrowgauge.contracts.surfaces.sql.parameter import AVAILABLE, OUTPUTS, SOURCES
from narrowgauge.contracts.surfaces.sql.scope import Source
from narrowgauge.contracts.surfaces.sql.shape import MAX_TABLES
from narrowgauge.contracts.surfaces.sql.tables import CATEGORY, Table
from narrowgauge.contracts.surfaces.sql.words import MAX_DERIVED_COLUMNS, derived_column, identifier

__all__ = [
    "DERIVED",
    "KINDS",
    "SHAPES",
    "TABLES",
    "Named",
    "Rules",
    "SelectedColumn",
    "quoted",
    "room_for",
]

TABLES, DERIVED = SHAPES = ("t", "d")
KINDS = ("number", "text", "date", "boolean", CATEGORY, "unknown")
_UNIT = re.compile(r"\w+::[^ ]+")


def quoted(text: str) -> str:
    """Writes a fixed text of the grammar."""
    return json.dumps(text, ensure_ascii=False)


def room_for(position: int, tables: int, *, there: bool) -> str:
    """Condition that an occurrence is needed already, or that FROM can take so many tables more.

    Args:
        position: The occurrence.
        tables: How many more.
        there: Count the tables that FROM has brought too; in the select list their bits mean other things.
    """
    last = AVAILABLE + SOURCES if there else SOURCES
    return f"or(bit_set({position}), bit_count_le([0:{last}], {MAX_TABLES - tables}))"


@dataclass(frozen=True)
class Named:
    """Columns that a rule can name, as one terminal.

    Attributes:
        terminal: The terminal.
        condition: When they can be named.
        note: What naming one does to the parameter of the rules that follow.
    """

    terminal: str
    condition: str
    note: str = "_"


@dataclass(frozen=True)
class SelectedColumn:
    """A column of a table that a select list can name.

    Attributes:
        terminal: Its terminal.
        condition: When it can be named.
        mask: What naming it adds to the parameter.
    """

    terminal: str
    condition: str
    mask: int


class Rules:
    """Collects rules and terminals for up to 26 tables.

    Attributes:
        tables: The tables.
        keys: What they can be joined over.
        occurrences: Occurrences of tables that a SELECT can bring: each table once, then a second time those
            that a key leads to again, as far as the parameter has room.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        assert 0 < len(tables) <= SOURCES
        self.tables = tables
        self.keys = keys_of(tables)
        names = {table.name for table in tables}
        self.occurrences: list[tuple[int, Source]] = [(i, Source(t.name, 0)) for i, t in enumerate(tables)]
        for index, source in enumerate(Source(table.name, 2) for table in tables):
            again = any(leads_again(self.keys, index, other) for other in range(len(tables)))
            if again and len(self.occurrences) < SOURCES and source.name not in names:
                self.occurrences.append((index, source))
        self._lines: list[str] = []
        self._terminals: dict[tuple[str, ...], str] = {}

    def rule(self, name: str, alternatives: Iterable[str], *, parameter: bool = True) -> None:
        """Adds a rule, unless it has no alternative."""
        texts = list(alternatives)
        assert texts, name
        if len(texts) == 1 and _UNIT.fullmatch(texts[0]):
            # llguidance 1.9 replaces a rule of one symbol by the symbol, and fails where the rule was used
            # with a change of the parameter. A second alternative keeps the rule; bit 63 is never set.
            texts.append('"!" %if bit_set(63)')
        self._lines.append(f"{name}{'::_' * parameter} : " + "\n  | ".join(texts))

    def terminal(self, texts: Iterable[str]) -> str:
        """Returns the terminal of some fixed texts."""
        key = tuple(dict.fromkeys(texts))
        assert key
        if key not in self._terminals:
            self._terminals[key] = f"T{len(self._terminals)}"
        return self._terminals[key]

    def text(self) -> str:
        """Returns the grammar."""
        terminals = (f"{name}: {' | '.join(map(quoted, texts))}" for texts, name in self._terminals.items())
        return "\n".join((*self._lines, *terminals)) + "\n"

    def selectable(self, shape: str, kinds: Iterable[str]) -> Iterator[Named]:
        """Columns that a select list of a shape can name."""
        wanted = frozenset(kinds)
        if shape == DERIVED:
            if "unknown" in wanted:
                for n in range(MAX_DERIVED_COLUMNS):
                    # The second column needs the first one too.
                    note = f"bit_or({((2 << n) - 1) << OUTPUTS})"
                    yield Named(self.terminal([derived_column(n + 1)]), "", note)
            return
        for names, condition, mask in self._selected(wanted):
            yield Named(self.terminal(names), condition, f"bit_or({mask})")

    def columns(self) -> Iterator[SelectedColumn]:
        """Columns that a select list over tables can name, one by one."""
        for names, condition, mask in self._selected(frozenset(KINDS)):
            for name in names:
                yield SelectedColumn(self.terminal([name]), condition, mask)

    def _selected(self, kinds: frozenset[str]) -> Iterator[tuple[list[str], str, int]]:
        """Columns of an occurrence, when they can be named, and what they add to the parameter."""
        for position, (index, source) in enumerate(self.occurrences):
            if names := self.names(index, kinds):
                room = room_for(position, 1 + bool(source.instance), there=False)
                # A second occurrence needs the first one too.
                yield self._qualified(position, names), room, 1 << position | 1 << index

    def joined(self, kinds: Iterable[str]) -> Iterator[Named]:
        """Columns of the occurrences that FROM has brought."""
        wanted = frozenset(kinds)
        for position, (index, _) in enumerate(self.occurrences):
            if names := self.names(index, wanted):
                yield Named(self.qualified(position, names), f"bit_set({AVAILABLE + position})")

    def qualified(self, position: int, names: Iterable[str]) -> str:
        """Terminal of an occurrence's columns."""
        return self.terminal(self._qualified(position, names))

    def _qualified(self, position: int, names: Iterable[str]) -> list[str]:
        source = self.occurrences[position][1]
        return [f"{identifier(source.name)}.{name}" for name in names]

    def visible(self, kinds: Iterable[str]) -> Iterator[Named]:
        """Columns that can be named after FROM, whatever the shape."""
        wanted = frozenset(kinds)
        yield from self.joined(wanted)
        if "unknown" in wanted:
            yield from self._outputs()

    def _outputs(self) -> Iterator[Named]:
        """Columns of a derived table that FROM has brought."""
        for n in range(MAX_DERIVED_COLUMNS):
            yield Named(self.terminal([derived_column(n + 1)]), f"bit_set({OUTPUTS + n})")

    def compared(self, kinds: Iterable[str]) -> Iterator[tuple[Named, int]]:
        """Columns that can be named after FROM, one by one, each with its number from 1."""
        wanted = frozenset(kinds)
        number = 0
        for position, (index, _) in enumerate(self.occurrences):
            for column in self.tables[index].columns:
                number += 1
                if column.kind in wanted:
                    name = self.qualified(position, [identifier(column.name)])
                    yield Named(name, f"bit_set({AVAILABLE + position})"), number
        if "unknown" in wanted:
            for output, named in enumerate(self._outputs(), 1):
                yield named, number + output

    def categories(self) -> Iterator[tuple[Named, tuple[str, ...]]]:
        """Columns whose values are all known, with the values."""
        for position, (index, _) in enumerate(self.occurrences):
            for column in self.tables[index].columns:
                if column.kind == CATEGORY:
                    name = self.qualified(position, [identifier(column.name)])
                    yield Named(name, f"bit_set({AVAILABLE + position})"), column.values

    def names(self, index: int, kinds: frozenset[str]) -> list[str]:
        """Columns of a table, as they are written, that have one of the kinds."""
        return [identifier(column.name) for column in self.tables[index].columns if column.kind in kinds]
