"""Random valid queries over a catalogue, for the tests of the surface `sql`."""

from __future__ import annotations

import random

from narrowgauge.contracts.surfaces.sql.joins import keys_of, leads_again
from narrowgauge.contracts.surfaces.sql.tables import Column, Table
from narrowgauge.tools.sql.v1 import sql_pb2 as pb

Visible = tuple[str | None, int, int, Column]
"""Table (None for a derived one), position in the derived table, instance, and column."""


class RandomQueries:
    """Writes messages as the contract allows them, with types that go together and joins over keys.

    Args:
        tables: The tables.
        source: Randomness.
    """

    def __init__(self, tables: tuple[Table, ...], source: random.Random) -> None:
        self._tables = tables
        self._keys = keys_of(tables)
        self._random = source

    def query(self, depth: int = 0, *, columns: int = 0, derived: bool = False) -> pb.Query:
        """Returns a query; of so many columns, unless 0."""
        query = pb.Query()
        scope = self._select(query.select, depth, columns=columns, derived=derived)
        if self._chance(0.15) and not query.select.all_columns:
            query.combine.operator = self._random.choice([1, 2, 3, 4])
            self._select(query.combine.select, depth, columns=len(query.select.columns))
            return query
        for _ in range(self._random.choice([0, 0, 1, 2])):
            key = query.order_by.add(descending=self._chance(0.5))
            if query.select.group_by and self._chance(0.5):
                self._total(key.expression, scope)
            else:
                self._simple(key.expression, scope)
        if self._chance(0.3):
            query.limit = self._random.randint(1, 1000)
            if self._chance(0.3):
                query.offset = self._random.randint(1, 1000)
        return query

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _select(self, select: pb.Select, depth: int, *, columns: int, derived: bool = False) -> list[Visible]:
        scope = self._from(select, depth, derived=derived)
        select.distinct = self._chance(0.2)
        if not columns and not derived and not select.HasField("derived") and self._chance(0.1):
            select.all_columns = True
        most = 2 if derived else 4
        while not select.all_columns and len(select.columns) < (columns or self._random.randint(1, most)):
            self._item(select.columns.add(), scope)
            if select.columns[:-1] and _is_repeated(select.columns[-2], select.columns[-1]):
                del select.columns[-1]
        if select.HasField("derived") and "output: 2" not in str(list(select.columns)):
            scope = scope[:1]
        if self._chance(0.5):
            self._condition(select.where, scope, depth, 0, groups=False)
        if self._chance(0.3):
            for _ in range(self._random.randint(1, 2)):
                self._simple(select.group_by.add(), scope)
            if self._chance(0.5):
                self._condition(select.having, scope, depth, 0, groups=True)
        return scope

    def _from(self, select: pb.Select, depth: int, *, derived: bool) -> list[Visible]:
        if depth < 2 and not derived and self._chance(0.15):
            select.derived.CopyFrom(self.query(depth + 1, columns=self._random.choice([1, 2]), derived=True))
            return [
                (None, n, 0, Column(f"v{n}", "unknown"))
                for n in range(1, len(select.derived.select.columns) + 1)
            ]
        first = self._random.choice(self._tables)
        select.table = first.name
        scope: list[Visible] = [(first.name, 0, 0, column) for column in first.columns]
        seen = [(self._tables.index(first), 0)]
        for _ in range(self._random.choice([0, 0, 0, 1, 1, 2])):
            if found := self._join(select, seen):
                table = self._tables[found[0]]
                seen.append(found)
                scope += [(table.name, 0, found[1], column) for column in table.columns]
        return scope

    def _join(self, select: pb.Select, seen: list[tuple[int, int]]) -> tuple[int, int] | None:
        """Adds a join with the occurrences that are there; returns the table and its instance."""
        ways = []
        for index in range(len(self._tables)):
            instance = 2 if (index, 0) in seen else 0
            if (index, instance) in seen:
                continue
            for key in self._keys:
                for own, other, column in key.seen_from(index):
                    again = leads_again(self._keys, index, other)
                    partners = [i for t, i in seen if t == other and (not instance or i or again)]
                    ways += [(index, instance, own, other, i, column, key.suggested) for i in partners]
        others = [n for n in range(len(self._tables)) if (n, 0) not in seen]
        if others and (not ways or self._chance(0.2)):
            other = self._random.choice(others)
            select.joins.add(table=self._tables[other].name, kind=pb.JOIN_KIND_CROSS)
            return other, 0
        if not ways:
            return None
        index, instance, *_ = self._random.choice(ways)
        # What names suggest counts only beside no declared key.
        suggested = all(way[-1] for way in ways if way[:2] == (index, instance))
        table = self._tables[index]
        join = select.joins.add(table=table.name, kind=self._random.choice([1, 1, 2]))
        for name in (column.name for column in table.columns):
            fitting = [w for w in ways if w[:3] == (index, instance, name) and w[-1] == suggested]
            # A second occurrence has one key, a first one may have several, in the order of its columns.
            if fitting and (not join.on or (not instance and self._chance(0.5))):
                _, _, own, other, partner, column, _ = self._random.choice(fitting)
                left = f"{self._tables[other].name}.{column}"
                join.on.add(left=left, left_instance=partner, right=f"{table.name}.{own}")
        return index, instance

    def _column(
        self, expression: pb.Expression, scope: list[Visible], kinds: tuple[str, ...] = ()
    ) -> Column | None:
        fitting = [entry for entry in scope if not kinds or entry[3].kind in kinds]
        if not fitting:
            return None
        table, output, instance, column = self._random.choice(fitting)
        if table is None:
            expression.output = output
        else:
            expression.column, expression.instance = f"{table}.{column.name}", instance
        return column

    def _number(self, expression: pb.Expression, scope: list[Visible]) -> bool:
        if self._chance(0.3) and self._column(expression.call.argument, scope, ("date",)):
            expression.call.function = self._random.choice([1, 2, 3, 4, 5, 6, 9])
            return True
        return self._column(expression, scope, ("number", "unknown")) is not None

    def _simple(self, expression: pb.Expression, scope: list[Visible]) -> None:
        if self._chance(0.2) and self._column(expression.call.argument, scope, ("text", "category")):
            expression.call.function = self._random.choice([10, 11, 12])
        else:
            self._column(expression, scope)

    def _right(self, arithmetic: pb.Arithmetic, scope: list[Visible]) -> None:
        arithmetic.operator = self._random.choice([1, 2, 3, 4])
        if self._chance(0.3):
            arithmetic.integer = self._random.randint(1, 10**8)
        elif self._chance(0.3) or not self._number(arithmetic.expression, scope):
            arithmetic.number = self._random.randint(1, 10**9) / 1000

    def _calculation(self, expression: pb.Expression, scope: list[Visible], *, right: bool = True) -> bool:
        shape = self._random.choice(["value", "flat", "left", "right" if right else "flat"])
        value = pb.Expression()
        if not self._number(value, scope):
            return False
        if shape == "value":
            expression.CopyFrom(value)
            return True
        arithmetic = expression.arithmetic
        if shape == "left":
            arithmetic.left.arithmetic.left.CopyFrom(value)
            self._right(arithmetic.left.arithmetic, scope)
        else:
            arithmetic.left.CopyFrom(value)
        self._right(arithmetic, scope)
        if shape == "right":
            inner = arithmetic.expression.arithmetic
            inner.left.CopyFrom(value)
            self._right(inner, scope)
        return True

    def _aggregate(self, expression: pb.Expression, scope: list[Visible]) -> None:
        aggregate = expression.aggregate
        aggregate.function = self._random.choice([1, 1, 2, 3, 4, 5])
        if aggregate.function == 1:
            if self._chance(0.6):
                aggregate.distinct = self._chance(0.4)
                self._column(aggregate.argument, scope)
        elif not self._calculation(aggregate.argument, scope, right=False):
            aggregate.ClearField("argument")
            aggregate.function = 1
        elif aggregate.function in (2, 3):
            aggregate.distinct = self._chance(0.2)

    def _total(self, expression: pb.Expression, scope: list[Visible]) -> None:
        if self._chance(0.7):
            self._aggregate(expression, scope)
            return
        arithmetic = expression.arithmetic
        self._aggregate(arithmetic.left, scope)
        arithmetic.operator = self._random.choice([1, 2, 3, 4])
        if self._chance(0.5):
            self._aggregate(arithmetic.expression, scope)
        else:
            arithmetic.integer = 100

    def _item(self, expression: pb.Expression, scope: list[Visible]) -> None:
        if self._chance(0.3):
            self._total(expression, scope)
        elif not (self._chance(0.3) and self._calculation(expression, scope)):
            self._simple(expression, scope)

    def _condition(
        self,
        condition: pb.Condition,
        scope: list[Visible],
        depth: int,
        level: int,
        *,
        groups: bool,
        within: str = "",
    ) -> None:
        if level < 3 and self._chance(0.35):
            kind = self._random.choice(["all", "any"])
            group = condition.all if kind == "all" else condition.any
            group.negated = kind == within or self._chance(0.2)
            for _ in range(self._random.randint(2, 3)):
                part = group.conditions.add()
                self._condition(part, scope, depth, level + 1, groups=groups, within=kind)
        elif groups:
            self._group_test(condition, scope, depth)
        else:
            self._row_test(condition, scope, depth)

    def _group_test(self, condition: pb.Condition, scope: list[Visible], depth: int) -> None:
        if self._chance(0.2):
            self._total(condition.between.left, scope)
            condition.between.low.integer, condition.between.high.integer = -3, 10**14
            return
        self._total(condition.compare.left, scope)
        condition.compare.operator = self._random.randint(1, 6)
        if depth < 2 and self._chance(0.2):
            condition.compare.query.CopyFrom(self.query(depth + 1, columns=1))
        else:
            condition.compare.value.number = self._random.randint(-(10**9), 10**9) / 1000

    def _row_test(self, condition: pb.Condition, scope: list[Visible], depth: int) -> None:
        left = pb.Expression()
        column = self._column(left, scope)
        assert column is not None
        choice = self._random.random()
        if choice < 0.1:
            condition.is_null.left.CopyFrom(left)
            condition.is_null.negated = self._chance(0.5)
        elif choice < 0.2 and depth < 2 and column.kind != "boolean":
            condition.one_of.left.CopyFrom(left)
            condition.one_of.negated = self._chance(0.5)
            condition.one_of.query.CopyFrom(self.query(depth + 1, columns=1))
        elif choice < 0.3 and column.kind in ("text", "category"):
            condition.like.left.CopyFrom(left)
            condition.like.negated = self._chance(0.5)
            condition.like.pattern = self._random.choice(["%a_b%", "O'Neil%", "100 %", "2026-99-99", "ü%"])
        elif choice < 0.4 and column.kind in ("number", "text", "date", "category"):
            condition.one_of.left.CopyFrom(left)
            for _ in range(self._random.randint(1, 4)):
                self._literal(condition.one_of.values.items.add(), column)
        elif choice < 0.5 and column.kind in ("number", "text", "date"):
            condition.between.left.CopyFrom(left)
            condition.between.negated = self._chance(0.3)
            self._literal(condition.between.low, column)
            self._literal(condition.between.high, column)
        else:
            condition.compare.left.CopyFrom(left)
            closed = column.kind in ("boolean", "category")
            condition.compare.operator = self._random.randint(1, 2 if closed else 6)
            self._literal(condition.compare.value, column)

    def _literal(self, literal: pb.Literal, column: Column) -> None:
        match column.kind:
            case "category":
                literal.text = self._random.choice(column.values)
            case "number":
                literal.integer = self._random.randint(-(10**15) + 1, 10**15 - 1)
            case "date":
                literal.date = self._random.choice(["2026-03-02", "2024-02-29", "1999-12-31"])
            case "boolean":
                literal.boolean = self._chance(0.5)
            case _:
                literal.text = self._random.choice(["", "it's", 'say "x"', "a, b (c)", "DESC", "naïve — ☕"])


def _is_repeated(before: pb.Expression, after: pb.Expression) -> bool:
    return before == after and after.WhichOneof("kind") == "column"
