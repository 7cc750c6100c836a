"""What a question generator must know of a schema: roles of columns, ways between tables, real values."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["Column", "Link", "Schema", "Table", "plural", "singular"]

_NAME_LIKE = ("name", "title", "subject", "label", "number", "sku", "code", "reference")
_PLACES = ("city", "country", "region", "state", "location", "warehouse", "district")


@dataclass(frozen=True)
class Column:
    """A column and the part that it can play in a question.

    Attributes:
        table: Name of its table.
        name: Its own name.
        words: The name as people say it.
        role: `number`, `date`, `category`, `place`, `name`, `text`, `key` or `link`.
        values: Values that stand in the data, for conditions; empty for keys.
    """

    table: str
    name: str
    words: str
    role: str
    values: tuple[str | int | float, ...]

    @property
    def sql(self) -> str:
        """`table.column`."""
        return f"{self.table}.{self.name}"


@dataclass(frozen=True)
class Link:
    """A foreign key: each row of `child` refers to one of `parent`."""

    child: str
    child_column: str
    parent: str
    parent_column: str

    @property
    def join(self) -> str:
        """The condition of a join over this key."""
        return f"{self.child}.{self.child_column} = {self.parent}.{self.parent_column}"


@dataclass(frozen=True)
class Table:
    """A table with its columns by role."""

    name: str
    columns: tuple[Column, ...]

    @property
    def one(self) -> str:
        """What people call a row."""
        return singular(self.many)

    @property
    def many(self) -> str:
        """What people call the rows."""
        return plural(self.name.replace("_", " "))

    def of(self, *roles: str) -> list[Column]:
        """Returns the columns of these roles."""
        return [column for column in self.columns if column.role in roles]

    @property
    def display(self) -> Column:
        """The column that names a row, or its first one."""
        named = sorted(self.of("name"), key=lambda c: c.name not in ("name", "title", "subject"))
        return next(iter(named), self.columns[0])


class Schema:
    """A catalogue as a question generator sees it.

    Args:
        catalogue: Tables, columns, keys.
        database: An open connection to read values from, or None to make values up.
        seed: Of the made-up values.
    """

    def __init__(self, catalogue: Catalogue, database: sqlite3.Connection | None, seed: int = 7) -> None:
        self._database = database
        self._rng = random.Random(seed)
        self.links = tuple(
            Link(entity.name, field.name, *reference.split(".", 1))
            for entity in catalogue.entities
            for field in entity.fields
            for reference in field.references
            if "." in reference
        )
        self.tables: Mapping[str, Table] = {
            entity.name: Table(entity.name, tuple(self._column(entity, field) for field in entity.fields))
            for entity in catalogue.entities
        }

    def links_of(self, child: str) -> Sequence[Link]:
        """Returns the foreign keys of a table to another one."""
        return [link for link in self.links if link.child == child and link.parent != child]

    def _column(self, entity: Entity, field: EntityField) -> Column:
        role = self._role(field)
        words = field.label or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field.name).replace("_", " ").lower()
        words = re.sub(r"\b(date|at)$", "date", words)
        values = () if role in ("key", "link") else self._values(entity.name, field, role)
        return Column(entity.name, field.name, words, role, values)

    def _role(self, field: EntityField) -> str:
        if field.references:
            return "link"
        if field.key:
            return "key"
        if "date" in field.type or "time" in field.type or re.search(r"(_date|_at|_on|date)$", field.name):
            return "date"
        if field.values:
            return "category"
        if re.search(r"int|real|num|dec|float|double", field.type):
            return "number"
        if field.name in _PLACES:
            return "place"
        if any(field.name.endswith(part) for part in _NAME_LIKE):
            return "name"
        return "text"

    def _values(self, table: str, field: EntityField, role: str) -> tuple[str | int | float, ...]:
        if role == "category":
            return tuple(field.values)
        if self._database is None:
            return self._made_up(role)
        # Identifiers come from the catalogue of this very database; quoting keeps odd names whole.
        column, source = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (field.name, table))
        rows = self._database.execute(
            f"SELECT DISTINCT {column} FROM {source} WHERE {column} IS NOT NULL LIMIT 400"
        )
        return tuple(row[0] for row in rows)

    def _made_up(self, role: str) -> tuple[str | int | float, ...]:
        if role == "number":
            return tuple(
                self._rng.choice((10, 20, 50, 100, 250, 500, 1000, 5000, 7, 3, 42)) for _ in range(8)
            )
        if role == "date":
            return tuple(
                f"202{self._rng.randint(2, 6)}-{self._rng.randint(1, 12):02}-{d:02}" for d in range(1, 25, 4)
            )
        return tuple(_WORDS)


_WORDS = (
    *("Aurora", "Beacon", "Cobalt", "Delta", "Ember", "Falcon", "Garnet", "Harbor", "Indigo", "Juniper"),
    *("Kestrel", "Lumen", "Meridian", "Nimbus", "Onyx", "Pioneer", "Quarry", "Raven", "Summit", "Tundra"),
)


def singular(words: str) -> str:
    """Returns the singular of an English plural, as far as table names go."""
    if words.endswith("ies"):
        return words[:-3] + "y"
    if words.endswith(("sses", "xes", "ches", "shes")):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith("ss") else words


def plural(words: str) -> str:
    """Returns the plural of an English noun, as far as table names go."""
    if (words.endswith("s") and not words.endswith("ss")) or words in ("inventory", "staff", "stock"):
        return words
    if words.endswith("y") and words[-2] not in "aeiou":
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("ss", "x", "ch", "sh")) else "s")
