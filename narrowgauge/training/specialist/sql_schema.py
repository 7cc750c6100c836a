"""What a question generator must know of a schema: roles of columns, ways between tables, real values."""

from __future__ import annotations

import copy
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from narrowgauge.training.specialist.sql_made_up import is_supposed, made_up
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

__all__ = ["Column", "Link", "Schema", "Table", "plural", "singular"]

_NAME_LIKE = ("name", "title", "subject", "label", "number", "sku", "code", "reference")
_IDENTIFIER = re.compile(r"(^|_)(id|ID|Id)$|[a-z](ID|Id)$")
_SHORTENED, _REWORDED = 0.5, 0.15
_KINDRED = {
    "customer": ("clients", "accounts", "buyers"),
    "employee": ("staff members", "colleagues", "workers"),
    "product": ("articles", "items", "goods"),
    "order": ("purchases",),
    "invoice": ("bills",),
    "shipment": ("parcels", "deliveries"),
    "ticket": ("cases",),
    "student": ("pupils",),
    "movie": ("films",),
    "film": ("movies",),
    "car": ("vehicles",),
    "person": ("people",),
    "store": ("shops",),
    "company": ("firms",),
    "song": ("tracks",),
    "salary": ("pay", "wage"),
    "price": ("cost",),
    "quantity": ("number of pieces", "amount"),
    "total": ("total value", "sum"),
    "amount": ("sum",),
    "age": ("years of age",),
    "category": ("kind",),
    "country": ("nation",),
    "city": ("town",),
    "weight kg": ("weight", "weight in kilos"),
}
_PLACES = ("city", "country", "region", "state", "location", "warehouse", "district")


@dataclass(frozen=True)
class Column:
    """A column and the part that it can play in a question.

    Attributes:
        table: Name of its table.
        name: Its own name.
        words: The name as people say it.
        role: `number`, `date`, `category`, `place`, `name`, `flag`, `text`, `key` or `link`.
        values: Values that stand in the data, for conditions; empty for keys.
        nullable: Whether a row can have none.
    """

    table: str
    name: str
    words: str
    role: str
    values: tuple[str | int | float, ...]
    nullable: bool = False

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
    """A table with its columns by role.

    Attributes:
        name: Its own name.
        columns: Its columns.
        words: What people call its rows, if not what the name says.
    """

    name: str
    columns: tuple[Column, ...]
    words: str = ""

    @property
    def one(self) -> str:
        """What people call a row."""
        return singular(self.many)

    @property
    def many(self) -> str:
        """What people call the rows."""
        return plural(self.words or _spaced(self.name))

    def of(self, *roles: str) -> list[Column]:
        """Returns the columns of these roles."""
        return [column for column in self.columns if column.role in roles]

    @property
    def display(self) -> Column:
        """The column that names a row, or its first one."""
        named = sorted(self.of("name"), key=lambda c: c.name.lower() not in ("name", "title", "subject"))
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

    def spoken(self, rng: random.Random) -> Schema:
        """Returns the schema in somebody's words: tables and columns are often called something else."""
        last = Counter(_spaced(name).split()[-1] for name in self.tables)
        tables = {}
        for name, table in self.tables.items():
            words = _spaced(name)
            if " " in words and last[words.split()[-1]] == 1 and rng.random() < _SHORTENED:
                words = words.split()[-1]
            if (others := _KINDRED.get(singular(words))) and rng.random() < _REWORDED:
                words = rng.choice(others)
            columns = tuple(replace(column, words=_reworded(column.words, rng)) for column in table.columns)
            tables[name] = replace(table, columns=columns, words=words)
        return self.with_tables(tables)

    def with_tables(self, tables: Mapping[str, Table], links: Sequence[Link] | None = None) -> Schema:
        """Returns a schema with these tables in place of its own, and with these links, if any are given."""
        result = copy.copy(self)
        result.tables = tables
        result.links = self.links if links is None else tuple(links)
        return result

    def _column(self, entity: Entity, field: EntityField) -> Column:
        role = self._role(field)
        words = field.label or _spaced(field.name)
        words = re.sub(r"\b(date|at)$", "date", words)
        values = () if role in ("key", "link", "flag") else self._values(entity.name, field, role)
        return Column(entity.name, field.name, words, role, values, field.nullable)

    def _role(self, field: EntityField) -> str:
        if field.references:
            return "link"
        if field.key or _IDENTIFIER.search(field.name):
            return "key"
        if "bool" in field.type:
            return "flag"
        if "date" in field.type or "time" in field.type or re.search(r"(_date|_at|_on|date)$", field.name):
            return "date"
        if field.values:
            return "category"
        if re.search(r"int|real|num|dec|float|double", field.type):
            return "number"
        name = field.name.lower()
        if name in _PLACES:
            return "place"
        if any(name.endswith(part) for part in _NAME_LIKE):
            return "name"
        # Without data, what a column is called is all that says what it holds.
        return "category" if self._database is None and is_supposed(_spaced(field.name)) else "text"

    def _values(self, table: str, field: EntityField, role: str) -> tuple[str | int | float, ...]:
        if role == "category" and field.values:
            return tuple(field.values)
        if self._database is None:
            return made_up(_spaced(field.name), role, self._rng)
        # Identifiers come from the catalogue of this very database; quoting keeps odd names whole.
        column, source = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (field.name, table))
        rows = self._database.execute(
            f"SELECT DISTINCT {column} FROM {source} WHERE {column} IS NOT NULL LIMIT 400"
        )
        return tuple(row[0] for row in rows)


def _spaced(name: str) -> str:
    """Returns a name as words: `support_tickets` and `SupportTickets` are support tickets."""
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").lower().split())


def _reworded(words: str, rng: random.Random) -> str:
    others = _KINDRED.get(words)
    return rng.choice(others) if others and rng.random() < _REWORDED else words


def singular(words: str) -> str:
    """Returns the singular of an English plural, as far as table names go."""
    if words.endswith("ies"):
        return words[:-3] + "y"
    if words.endswith(("status", "statuses")):
        return words.removesuffix("es")
    if words.endswith(("sses", "xes", "ches", "shes")):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith("ss") else words


def plural(words: str) -> str:
    """Returns the plural of an English noun, as far as table names go."""
    if words.endswith("status"):
        return f"{words}es"
    if (words.endswith("s") and not words.endswith("ss")) or words in ("inventory", "staff", "stock"):
        return words
    if words.endswith("y") and words[-2] not in "aeiou":
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("ss", "x", "ch", "sh")) else "s")
