"""The syntax tree of a SOQL query."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AGGREGATES",
    "DATE_FUNCTIONS",
    "All",
    "AnyOf",
    "Comparison",
    "Condition",
    "Expression",
    "Literal",
    "Negation",
    "Order",
    "Query",
    "SemiJoin",
    "SubSelect",
]

AGGREGATES = frozenset(("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"))
DATE_FUNCTIONS = frozenset(
    (
        "CALENDAR_YEAR",
        "CALENDAR_QUARTER",
        "CALENDAR_MONTH",
        "FISCAL_YEAR",
        "FISCAL_QUARTER",
        "FISCAL_MONTH",
        "DAY_IN_MONTH",
        "DAY_IN_WEEK",
        "DAY_IN_YEAR",
        "DAY_ONLY",
        "HOUR_IN_DAY",
        "WEEK_IN_MONTH",
        "WEEK_IN_YEAR",
    )
)


@dataclass(frozen=True)
class Literal:
    """A value. `kind` is string, number, boolean, null, date, datetime or literal (a date literal)."""

    kind: str
    text: str
    position: int


@dataclass(frozen=True)
class Expression:
    """A field path, with a function or without; `COUNT()` has an empty path."""

    path: tuple[str, ...]
    function: str
    position: int
    alias: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Equal for equal expressions, whatever their case and alias."""
        return self.function, ".".join(self.path).lower()

    @property
    def text(self) -> str:
        """The expression as a query writes it."""
        return f"{self.function}({'.'.join(self.path)})" if self.function else ".".join(self.path)


@dataclass(frozen=True)
class Comparison:
    """A test of an expression: `=`, `!=`, `<`, …, LIKE, IN, NOT IN, INCLUDES or EXCLUDES."""

    left: Expression
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class SemiJoin:
    """`Id IN (SELECT AccountId FROM …)`, or NOT IN."""

    left: Expression
    negated: bool
    query: Query


@dataclass(frozen=True)
class All:
    """Conjunction."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """Disjunction."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """Negation."""

    condition: Condition


Condition = Comparison | SemiJoin | All | AnyOf | Negation


@dataclass(frozen=True)
class Order:
    """A sort key. `nulls_last` is None where the query does not say."""

    by: Expression
    descending: bool
    nulls_last: bool | None


@dataclass(frozen=True)
class SubSelect:
    """A child sub-query among the selected columns."""

    query: Query


@dataclass(frozen=True)
class Query:
    """A whole query. `object_name` is a child relationship's name in a sub-select."""

    text: str
    select: tuple[Expression | SubSelect, ...]
    object_name: str
    object_position: int
    alias: str = ""
    where: Condition | None = None
    group_by: tuple[Expression, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
