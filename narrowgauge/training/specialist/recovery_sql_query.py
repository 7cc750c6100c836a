"""A right query, which the rules of broken SQL take apart."""

from __future__ import annotations

import random
from collections.abc import Callable

import sqlglot
from sqlglot import exp

from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["RightQuery", "Rule"]


class RightQuery:
    """A right query and what exists.

    Attributes:
        text: The query.
        columns: Column names by table, both in lower case.
    """

    def __init__(self, text: str, catalogue: Catalogue) -> None:
        self.text = text
        self.columns = {
            entity.name.lower(): [field.name.lower() for field in entity.fields]
            for entity in catalogue.entities
        }

    def tree(self) -> exp.Expr:
        """Returns a tree of its own for each rule to change."""
        return sqlglot.parse_one(self.text, read="sqlite")

    def table_of(self, tree: exp.Expr, column: exp.Column) -> str:
        """Name of the table that has a column; empty when it is not clear."""
        if column.table:
            named = {t.alias_or_name.lower(): t.name.lower() for t in tree.find_all(exp.Table)}
            return named.get(column.table.lower(), "")
        names = [t.name.lower() for t in tree.find_all(exp.Table)]
        return next((name for name in names if column.name.lower() in self.columns.get(name, ())), "")


Rule = Callable[[RightQuery, random.Random], str | None]
