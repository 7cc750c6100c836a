"""The 64-bit parameter of the grammar's rules: which bit says what.

| bits  | while the select list and FROM are read               | after FROM                          |
|-------|-------------------------------------------------------|-------------------------------------|
| 0-25  | occurrences of tables that are needed                 | in 0-15: the left side of `a = b`   |
| 26-51 | in FROM: occurrences of tables that it brought        | the same                            |
| 26-33 | in the select list: the place inside a calculation    |                                     |
| 34-51 | in the select list: the column just named, by turns   |                                     |
|       | in 34-42 and 43-51                                    |                                     |
| 52-55 | columns selected, or still to select when exact       | columns selected                    |
| 56    | the number of columns is given                        | the same                            |
| 57-58 | how many queries are around this one                  | the same                            |
| 59    | this query is a derived table: it names its columns   | the same                            |
| 60-61 | columns of the derived table that are needed          | columns that can be named           |
| 62    | the right side of a set operation                     | the same                            |
| 63    | never set                                             | never set                           |

Places inside a calculation: 26 in the argument of an aggregate; for values, 27 the right operand was begun,
28 in `(a + b) + c`, 29 in `a + (b + c)`, 30 behind the parentheses; for aggregates, 31, 32 and 33 as 27, 28
and 30.

The column just named has a number there, so that the next value is another one; all bits are clear for none.
The right side of a comparison has the left column's number in the same way: FROM leaves 0-25 clear.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ALL_BITS",
    "ARGUMENT",
    "ARGUMENT_MASK",
    "AVAILABLE",
    "AVAILABLE_MASK",
    "COUNT",
    "COUNT_MASK",
    "COUNT_ONE",
    "DEPTH",
    "DEPTH_MASK",
    "DERIVED",
    "END",
    "EXACT",
    "KEPT",
    "LAST",
    "LAST_BITS",
    "LAST_MASK",
    "LEFT",
    "LEFT_COLUMN_BITS",
    "MAX_DEPTH",
    "OUTPUTS",
    "OUTPUTS_MASK",
    "PLACE_MASK",
    "RIGHT",
    "RIGHT_SIDE",
    "SECOND",
    "SOURCES",
    "TOTAL_END",
    "TOTAL_LEFT",
    "TOTAL_SECOND",
    "TURN",
    "all_of",
    "any_of",
    "bits",
]

SOURCES = 26
AVAILABLE = 26
AVAILABLE_MASK = ((1 << SOURCES) - 1) << AVAILABLE
ARGUMENT = 26
SECOND, LEFT, RIGHT, END = 27, 28, 29, 30
TOTAL_SECOND, TOTAL_LEFT, TOTAL_END = 31, 32, 33
ARGUMENT_MASK = 0x1F << 26
PLACE_MASK = 0xFF << 26
LAST = (34, 43)
LAST_BITS = 9
LAST_MASK = ((1 << LAST_BITS) - 1) << LAST[0] | ((1 << LAST_BITS) - 1) << LAST[1]
COUNT = "[52:56]"
TURN = 52
"""Lowest bit of the count: it says in which of the two places a column is noted."""
COUNT_ONE = 1 << 52
COUNT_MASK = 0xF << 52
EXACT = 56
DEPTH = "[57:59]"
DEPTH_MASK = 0x3 << 57
MAX_DEPTH = 2
LEFT_COLUMN_BITS = 16
DERIVED = 59
OUTPUTS = 60
OUTPUTS_MASK = 0x3 << 60
RIGHT_SIDE = 62
ALL_BITS = (1 << 63) - 1
KEPT = COUNT_MASK | 1 << EXACT | DEPTH_MASK | 1 << DERIVED | 1 << RIGHT_SIDE
"""Bits that FROM hands on in every shape of a SELECT."""


def all_of(conditions: Iterable[str]) -> str:
    """Conjunction of conditions; empty for none."""
    return _fold("and", [condition for condition in conditions if condition])


def any_of(conditions: Iterable[str]) -> str:
    """Disjunction of conditions; empty for none."""
    return _fold("or", list(conditions))


def bits(mask: int) -> list[int]:
    """Positions of the bits that are set."""
    return [position for position in range(mask.bit_length()) if mask >> position & 1]


def _fold(function: str, conditions: list[str]) -> str:
    # Halves, so that conditions over all tables do not nest as deep as there are tables.
    if len(conditions) <= 1:
        return conditions[0] if conditions else ""
    middle = len(conditions) // 2
    return f"{function}({_fold(function, conditions[:middle])}, {_fold(function, conditions[middle:])})"
