"""Which tables one SELECT sees, and how its columns are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from narrowgauge.contracts.surfaces.sql.words import derived_column, identifier, instance_name
from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["Scope", "Source"]


@dataclass(frozen=True)
class Source:
    """One occurrence of a table.

    Attributes:
        table: The table.
        instance: 0 for the first occurrence, then 2, 3, 4.
    """

    table: str
    instance: int

    @property
    def name(self) -> str:
        """Name of the occurrence, unquoted."""
        return instance_name(self.table, self.instance)


@dataclass
class Scope:
    """The tables of one SELECT.

    Columns are written as `table.column`, those of a derived table as `v1`, `v2`. Where there is one table,
    its columns are read without it too.

    Attributes:
        sources: Occurrences of tables, in order; empty for a derived table.
        derived_columns: Columns of the derived table; 0 without one.
    """

    sources: list[Source] = field(default_factory=list)
    derived_columns: int = 0

    @classmethod
    def of(cls, select: sql_pb2.Select) -> Scope:
        """Reads the scope of a SELECT.

        Raises:
            InvalidRequest: A table occurs more than four times, or an occurrence's name is another table's.
        """
        if select.HasField("derived"):
            return cls(derived_columns=len(select.derived.select.columns))
        scope = cls()
        for table in (select.table, *(join.table for join in select.joins)):
            scope.add(table)
        return scope

    def add(self, table: str) -> Source:
        """Adds the next occurrence of a table.

        Raises:
            InvalidRequest: It is the fifth one, or its name is another table's.
        """
        earlier = Counter(source.table for source in self.sources)[table]
        if earlier == 4:
            raise InvalidRequest(
                "TABLE_TOO_OFTEN", f"table {table} occurs more than four times in one SELECT"
            )
        source = Source(table, 0 if earlier == 0 else earlier + 1)
        if any(other.name == source.name for other in self.sources):
            raise InvalidRequest("AMBIGUOUS_TABLE", f"{source.name} names two tables of one SELECT")
        self.sources.append(source)
        return source

    def split(self, column: str, instance: int) -> tuple[Source, str]:
        """Splits `table.column` into the occurrence of the table and the column's name.

        Raises:
            InvalidRequest: The table is not in scope.
        """
        for source in sorted(self.sources, key=lambda source: -len(source.table)):
            if source.instance == instance and column.startswith(source.table + "."):
                return source, column[len(source.table) + 1 :]
        raise InvalidRequest(
            "COLUMN_OUT_OF_SCOPE",
            f"column {column} (occurrence {instance or 1}) belongs to no table of its SELECT "
            f"({', '.join(source.name for source in self.sources) or 'a derived table'})",
        )

    def write(self, column: str, instance: int) -> str:
        """Writes a column."""
        source, name = self.split(column, instance)
        return f"{identifier(source.name)}.{identifier(name)}"

    def write_output(self, position: int) -> str:
        """Writes a column of the derived table.

        Raises:
            InvalidRequest: There is no such column.
        """
        if not 1 <= position <= self.derived_columns:
            raise InvalidRequest(
                "COLUMN_OUT_OF_SCOPE",
                f"output {position} does not exist: the derived table has {self.derived_columns} columns",
            )
        return derived_column(position)

    def read(self, qualifier: str, name: str) -> tuple[str, int]:
        """Reads a written column (unquoted, `qualifier` empty when bare) as `table.column` and instance.

        Raises:
            InvalidRequest: The table is not in scope, or the column is bare where there are several.
        """
        for source in self._named(qualifier):
            return f"{source.table}.{name}", source.instance
        written = f"{qualifier}.{name}" if qualifier else name
        raise InvalidRequest(
            "COLUMN_OUT_OF_SCOPE",
            f"column {written} belongs to no table of its SELECT "
            f"({', '.join(source.name for source in self.sources) or 'a derived table'})",
        )

    def _named(self, qualifier: str) -> Iterator[Source]:
        if qualifier:
            yield from (source for source in self.sources if source.name == qualifier)
        elif len(self.sources) == 1:
            yield from self.sources
