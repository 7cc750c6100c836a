"""Grammar rules of the select list, which note the tables that a SELECT needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from narrowgauge.contracts.surfaces.sql.from_clause import add_from
from narrowgauge.contracts.surfaces.sql.parameter import (
    ALL_BITS,
    ARGUMENT,
    ARGUMENT_MASK,
    COUNT,
    DEPTH,
    DERIVED,
    END,
    EXACT,
    LAST,
    LAST_BITS,
    LAST_MASK,
    LEFT,
    MAX_DEPTH,
    OUTPUTS,
    PLACE_MASK,
    RIGHT,
    SECOND,
    TOTAL_END,
    TOTAL_LEFT,
    TOTAL_SECOND,
    TURN,
    all_of,
)
from narrowgauge.contracts.surfaces.sql.rules import DERIVED as FROM_QUERY
from narrowgauge.contracts.surfaces.sql.rules import SHAPES, TABLES, Rules, quoted
from narrowgauge.contracts.surfaces.sql.words import (
    MAX_COLUMNS,
    MAX_DERIVED_COLUMNS,
    derived_column,
)

__all__ = ["CALLS", "COUNT_OF", "NUMERIC_CALLS", "TOTAL_OF", "add_select"]

NUMBERS = ("number", "unknown")
DATES = ("date", "text", "category", "unknown")
TEXTS = ("text", "category", "unknown")
ORDERED = ("number", "text", "date", "category", "unknown")
NUMERIC_CALLS = (("DATE_CALL", DATES), ("LENGTH_CALL", TEXTS), ("NUMBER_CALL", NUMBERS))
TEXT_CALLS = (("DATE_TEXT_CALL", DATES), ("DAY_CALL", DATES), ("TEXT_CALL", TEXTS))
CALLS = (*NUMERIC_CALLS, *TEXT_CALLS)
# DISTINCT is a lexeme of its own: in one with `COUNT(`, the longest match would take a column's D for it.
COUNT_OF = '"COUNT(" "DISTINCT "?'
TOTAL_OF = 'TOTAL "DISTINCT "?'
_NUMBER = (1 << LAST_BITS) - 1
_TURNS = (f"bit_clear({TURN})", f"bit_set({TURN})")


def add_select(rules: Rules) -> None:
    """Adds `select`, which ends with `rest` (see `clauses`), for every shape of a SELECT.

    The parameter of `select` has the bits of the query: exact, count, depth, derived, right side.
    """
    plain = all_of([f"bit_clear({EXACT})", f"bit_clear({DERIVED})"])
    inner = all_of([f"lt({DEPTH}, {MAX_DEPTH})", f"bit_clear({DERIVED})"])
    # llguidance 1.9 fails on large grammars when a rule is used inside itself with another parameter: the
    # rule that repeats takes the parameter as it is.
    for name in ("first", "inner", "nested", "right_one", "right_same"):
        rules.rule(f"{name}_select", ['"T " select::_'])
    rules.rule("select", ["select_distinct::_", '"DISTINCT " select_distinct::_'])
    rules.rule(
        "select_distinct",
        [
            f"{TABLES}_item::_",
            _if(f"{FROM_QUERY}_item::set_bit({OUTPUTS})", inner),
            _if(f'"* FROM " {TABLES}_from::_', plain),
        ],
    )
    for shape in SHAPES:
        _add_items(rules, shape)
        _add_next(rules, shape)
    add_from(rules)


def _if(alternative: str, condition: str) -> str:
    return f"{alternative} %if {condition}" if condition else alternative


def _columns(rules: Rules, shape: str, kinds: Iterable[str], text: str) -> Iterator[str]:
    """Alternatives that name a column; `text` has `{}` for it and ends with the rule that follows."""
    for named in rules.selectable(shape, kinds):
        yield _if(f"{text.format(named.terminal)}::{named.note}", named.condition)


def _add_items(rules: Rules, shape: str) -> None:
    """Adds `<shape>_item`: one selected value, and then `<shape>_next`.

    The rules after a value are the same wherever it stands; bits of the parameter say where that is.
    """
    item, value, words, flag, operand, after, done, aggregate, total, total_operand, following = (
        f"{shape}_{name}"
        for name in (
            "item",
            "value",
            "words",
            "flag",
            "operand",
            "after",
            "done",
            "aggregate",
            "total",
            "total_operand",
            "next",
        )
    )
    # Numbers, then other values: calculations are for the former, `MIN` and `MAX` not for truth values.
    numbers = [*_columns(rules, shape, NUMBERS, "{} " + after), *_calls(rules, shape, NUMERIC_CALLS, after)]
    others = [
        *_columns(rules, shape, ("text", "date", "category"), "{} " + done),
        *_calls(rules, shape, TEXT_CALLS, done),
    ]
    flags = [*_columns(rules, shape, ("boolean",), "{} " + done)]
    items = [f"{aggregate}::_", f'"(" {aggregate}::set_bit({TOTAL_LEFT})']
    if shape == FROM_QUERY:
        items += [f"{rule}::_" for rule, made in ((value, numbers), (words, others)) if made]
    else:
        items += _add_plain(rules)
    aggregates = [f'"COUNT(*)" {total}::_']
    if numbers:
        rules.rule(value, numbers)
        rules.rule(operand, [f"{value}::_", f"CONSTANT {after}::_"])
        _add_after(rules, after, value, operand, done)
        items.append(f'"(" {value}::set_bit({LEFT})')
        for function in (COUNT_OF, TOTAL_OF, "EXTREME"):
            aggregates.append(f"{function} {value}::set_bit({ARGUMENT})")
            aggregates.append(f'{function} "(" {value}::bit_or({1 << ARGUMENT | 1 << LEFT})')
    if others:
        rules.rule(words, others)
        aggregates += [f"{function} {words}::set_bit({ARGUMENT})" for function in (COUNT_OF, "EXTREME")]
    if texts := [*_columns(rules, shape, ("text",), "{} " + done)]:
        # People keep numbers in columns of texts, and ask for their sums.
        rules.rule(f"{shape}_text", texts)
        aggregates.append(f"{TOTAL_OF} {shape}_text::set_bit({ARGUMENT})")
    if flags:
        rules.rule(flag, flags)
        aggregates.append(f"{COUNT_OF} {flag}::set_bit({ARGUMENT})")
    rules.rule(item, items)
    rules.rule(aggregate, aggregates)
    rules.rule(total_operand, [f"{aggregate}::_", f"CONSTANT {total}::_"])
    rules.rule(
        done,
        [
            _if(f"{following}::bit_and({ALL_BITS & ~PLACE_MASK})", f"bit_clear({ARGUMENT})"),
            _if(f'")" {total}::bit_and({ALL_BITS & ~ARGUMENT_MASK})', f"bit_set({ARGUMENT})"),
        ],
    )
    complete = f"or(bit_set({TOTAL_END}), bit_clear({TOTAL_LEFT}))"
    inside = all_of([f"bit_set({TOTAL_LEFT})", f"bit_set({TOTAL_SECOND})", f"bit_clear({TOTAL_END})"])
    rules.rule(
        total,
        [
            _if(f"{following}::bit_and({ALL_BITS & ~PLACE_MASK})", complete),
            _if(f"ARITHMETIC {total_operand}::set_bit({TOTAL_SECOND})", f"bit_clear({TOTAL_SECOND})"),
            _if(f'")" ARITHMETIC {total_operand}::set_bit({TOTAL_END})', inside),
        ],
    )


def _calls(rules: Rules, shape: str, calls: Iterable[tuple[str, Sequence[str]]], then: str) -> Iterator[str]:
    """Alternatives that call a function of a column."""
    for call, kinds in calls:
        yield from _columns(rules, shape, kinds, f'{call} {{}} ")" {then}')


def _add_plain(rules: Rules) -> list[str]:
    """Adds the selected values that begin with a table's column or its function, and returns their rules.

    A column alone is not the one that was named just before: all such values but a column alone are written
    over several columns at once, a column alone one by one, with its number.
    """
    plain, call, begun, more = (f"{TABLES}_{name}" for name in ("plain", "call", "begun", "more_of"))
    found = []
    for turn, condition in enumerate(_TURNS):
        rules.rule(f"{plain}{turn}", _plain(rules, turn))
        found.append(_if(f"{plain}{turn}::_", condition))
    calls = [
        *_calls(rules, TABLES, NUMERIC_CALLS, f"{TABLES}_after"),
        *_calls(rules, TABLES, TEXT_CALLS, f"{TABLES}_done"),
    ]
    if calls:
        rules.rule(call, calls)
        found.append(f"{call}::_")
    if beginnings := [*_columns(rules, TABLES, NUMBERS, "{} " + more)]:
        rules.rule(begun, beginnings)
        value, operand = f"{TABLES}_value", f"{TABLES}_operand"
        rules.rule(
            more,
            [f"ARITHMETIC {operand}::set_bit({SECOND})", f'ARITHMETIC "(" {value}::set_bit({RIGHT})'],
        )
        found.append(f"{begun}::_")
    return found


def _plain(rules: Rules, turn: int) -> Iterator[str]:
    """Alternatives of a column alone, which note its number in the place whose turn it is."""
    place, other = LAST[turn], LAST[1 - turn]
    for number, column in enumerate(rules.columns(), 1):
        condition, mask = column.condition, column.mask
        # Of a catalogue with more columns than numbers, the last ones are not told apart.
        if number < 1 << LAST_BITS:
            condition = all_of([condition, f"ne([{other}:{other + LAST_BITS}], {number})"])
            mask |= number << place
        yield _if(f"{column.terminal} {TABLES}_next::bit_or({mask})", condition)


def _add_after(rules: Rules, after: str, value: str, operand: str, done: str) -> None:
    """Adds what follows a number: the end of `a`, `a + b`, `(a + b) + c` or `a + (b + c)`, or more of it."""
    complete = f"or(bit_set({END}), and(bit_clear({LEFT}), bit_clear({RIGHT})))"
    first = all_of(f"bit_clear({bit})" for bit in (LEFT, RIGHT, SECOND, ARGUMENT))
    rules.rule(
        after,
        [
            _if(f"{done}::_", complete),
            _if(f"ARITHMETIC {operand}::set_bit({SECOND})", f"bit_clear({SECOND})"),
            _if(f'ARITHMETIC "(" {value}::set_bit({RIGHT})', first),
            _if(f'")" {done}::_', f"and(bit_set({RIGHT}), bit_set({SECOND}))"),
            _if(
                f'")" ARITHMETIC {operand}::set_bit({END})',
                all_of([f"bit_set({LEFT})", f"bit_set({SECOND})", f"bit_clear({END})"]),
            ),
        ],
    )


def _add_next(rules: Rules, shape: str) -> None:
    """Adds `<shape>_next`: the name of a derived table's column, then the next one or FROM."""
    names = [
        _if(
            f"{quoted(f' AS {derived_column(n + 1)}')} {shape}_counted::_",
            all_of([f"bit_set({DERIVED})", f"eq({COUNT}, {n})"]),
        )
        for n in range(MAX_DERIVED_COLUMNS)
    ]
    rules.rule(f"{shape}_next", [_if(f"{shape}_counted::_", f"bit_clear({DERIVED})"), *names])
    rules.rule(
        f"{shape}_counted",
        [
            _if(f"{shape}_more::incr({COUNT})", f"bit_clear({EXACT})"),
            _if(f"{shape}_fewer::decr({COUNT})", f"bit_set({EXACT})"),
        ],
    )
    enough = f"or(bit_clear({OUTPUTS + 1}), or(bit_clear({DERIVED}), ge({COUNT}, 2)))"
    room = f"and(lt({COUNT}, {MAX_COLUMNS}), or(bit_clear({DERIVED}), lt({COUNT}, {MAX_DERIVED_COLUMNS})))"
    # The place of the column before the last one is free for the next one.
    for name, condition, end in (
        (f"{shape}_more", room, enough),
        (f"{shape}_fewer", f"gt({COUNT}, 0)", f"eq({COUNT}, 0)"),
    ):
        if shape == FROM_QUERY:
            following = [_if(f'", " {shape}_item::_', condition)]
        else:
            following = [
                _if(
                    f'", " {shape}_item::bit_and({ALL_BITS & ~(_NUMBER << place)})', all_of([condition, turn])
                )
                for turn, place in zip(_TURNS, LAST, strict=True)
            ]
        forget = f"bit_and({ALL_BITS & ~LAST_MASK})"
        rules.rule(name, [*following, _if(f'" FROM " {shape}_from::{forget}', end)])
