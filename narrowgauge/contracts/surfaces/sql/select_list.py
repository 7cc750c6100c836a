"""Grammar rules of the select list and of FROM, which note the tables that a SELECT needs and brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from narrowgauge.contracts.surfaces.sql.parameter import (
    ALL_BITS,
    ARGUMENT,
    ARGUMENT_MASK,
    AVAILABLE,
    AVAILABLE_MASK,
    COUNT,
    COUNT_ONE,
    DEPTH,
    DEPTH_MASK,
    DERIVED,
    END,
    EXACT,
    KEPT,
    LEFT,
    MAX_DEPTH,
    OUTPUTS,
    OUTPUTS_MASK,
    PLACE_MASK,
    RIGHT,
    SECOND,
    SOURCES,
    TOTAL_END,
    TOTAL_LEFT,
    TOTAL_SECOND,
    all_of,
)
from narrowgauge.contracts.surfaces.sql.rules import BARE, KINDS, QUALIFIED, SHAPES, Rules, quoted, room_for
from narrowgauge.contracts.surfaces.sql.rules import DERIVED as FROM_QUERY
from narrowgauge.contracts.surfaces.sql.words import (
    MAX_COLUMNS,
    MAX_DERIVED_COLUMNS,
    derived_column,
    identifier,
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
_MAX_KEYS = 4


def add_select(rules: Rules) -> None:
    """Adds `select`, which ends with `rest` (see `clauses`), for every shape of a SELECT.

    The parameter of `select` has the bits of the query: exact, count, depth, derived, right side.
    """
    every_table = (1 << len(rules.tables)) - 1
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
            f"{QUALIFIED}_item::_" if len(rules.occurrences) > 1 else f"{BARE}_item::bit_or({every_table})",
            f"{BARE}_item::bit_or({every_table})",
            _if(f"{FROM_QUERY}_item::set_bit({OUTPUTS})", inner),
            _if(f'"* FROM " {BARE}_from::bit_or({every_table})', plain),
            *([_if(f'"* FROM " {QUALIFIED}_from::_', plain)] if len(rules.occurrences) > 1 else []),
        ],
    )
    for shape in SHAPES:
        if shape == QUALIFIED and len(rules.occurrences) == 1:
            continue
        _add_items(rules, shape)
        _add_next(rules, shape)
    _add_from_one(rules)
    if len(rules.occurrences) > 1:
        _add_from_several(rules)
    _add_from_query(rules)


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
    numbers = [
        *_columns(rules, shape, NUMBERS, "{} " + after),
        *(
            a
            for call, kinds in NUMERIC_CALLS
            for a in _columns(rules, shape, kinds, f'{call} {{}} ")" {after}')
        ),
    ]
    others = [
        *_columns(rules, shape, ("text", "date", "category"), "{} " + done),
        *(a for call, kinds in TEXT_CALLS for a in _columns(rules, shape, kinds, f'{call} {{}} ")" {done}')),
    ]
    flags = [*_columns(rules, shape, ("boolean",), "{} " + done)]
    items = [f"{aggregate}::_", f'"(" {aggregate}::set_bit({TOTAL_LEFT})']
    aggregates = [f'"COUNT(*)" {total}::_']
    if numbers:
        rules.rule(value, numbers)
        rules.rule(operand, [f"{value}::_", f"CONSTANT {after}::_"])
        _add_after(rules, after, value, operand, done)
        items += [f"{value}::_", f'"(" {value}::set_bit({LEFT})']
        for function in (COUNT_OF, TOTAL_OF, "EXTREME"):
            aggregates.append(f"{function} {value}::set_bit({ARGUMENT})")
            aggregates.append(f'{function} "(" {value}::bit_or({1 << ARGUMENT | 1 << LEFT})')
    if others:
        rules.rule(words, others)
        items.append(f"{words}::_")
        aggregates += [f"{function} {words}::set_bit({ARGUMENT})" for function in (COUNT_OF, "EXTREME")]
    if texts := [*_columns(rules, shape, ("text",), "{} " + done)]:
        # People keep numbers in columns of texts, and ask for their sums.
        rules.rule(f"{shape}_text", texts)
        aggregates.append(f"{TOTAL_OF} {shape}_text::set_bit({ARGUMENT})")
    if flags:
        rules.rule(flag, flags)
        items.append(f"{flag}::_")
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
    rules.rule(
        f"{shape}_more",
        [_if(f'", " {shape}_item::_', room), _if(f'" FROM " {shape}_from::_', enough)],
    )
    rules.rule(
        f"{shape}_fewer",
        [
            _if(f'", " {shape}_item::_', f"gt({COUNT}, 0)"),
            _if(f'" FROM " {shape}_from::_', f"eq({COUNT}, 0)"),
        ],
    )


def _add_from_one(rules: Rules) -> None:
    """Adds `b_from`: one of the tables that have all the columns named so far."""
    rules.rule(
        f"{BARE}_from",
        [
            _if(f"{quoted(identifier(table.name))} rest::bit_and({1 << index | KEPT})", f"bit_set({index})")
            for index, table in enumerate(rules.tables)
        ],
    )


def _add_from_several(rules: Rules) -> None:
    """Adds `q_from`: tables with joins, until every table is there that a column has named."""
    every = list(enumerate(rules.occurrences))
    names = [
        quoted(identifier(source.table) + (f" AS {identifier(source.name)}" if source.instance else ""))
        for _, (_, source) in every
    ]
    rules.rule(
        f"{QUALIFIED}_from",
        [
            _if(f"{names[n]} first{n}::set_bit({AVAILABLE + n})", room_for(n, 1, there=True))
            for n, (_, source) in every
            if not source.instance
        ],
    )
    for n, (_, source) in every:
        if not source.instance:
            rules.rule(f"first{n}", [f"join::clear_bit({n})"])
    # A table that is there is needed no more.
    rules.rule("joined", ["join::_", f"rest::bit_and({AVAILABLE_MASK | KEPT}) %if is_zeros([0:{SOURCES}])"])
    alternatives = []
    for n, (index, source) in every:
        # A second occurrence comes after the first.
        condition = all_of(
            [
                f"bit_clear({AVAILABLE + n})",
                f"bit_set({AVAILABLE + index})" if source.instance else "",
                room_for(n, 1, there=True),
            ]
        )
        # Keys of any two kinds: people's schemas give one key different types in two tables.
        key = f'left::_ " = " {rules.qualified(n, rules.names(index, frozenset(KINDS)))}'
        keys = f'{key} (" AND " {key}){{0,{_MAX_KEYS - 1}}}'
        rules.rule(f"on{n}", [f'" ON " {keys} joined::set_bit({AVAILABLE + n})'])
        alternatives.append(_if(f"JOIN {names[n]} on{n}::clear_bit({n})", condition))
        rules.rule(f"cross{n}", [f"joined::set_bit({AVAILABLE + n})"])
        alternatives.append(_if(f'" CROSS JOIN " {names[n]} cross{n}::clear_bit({n})', condition))
    rules.rule("join", alternatives)
    rules.rule("left", [_if(named.terminal, named.condition) for named in rules.joined(KINDS)])


def _add_from_query(rules: Rules) -> None:
    """Adds `d_from`: a derived table that has the columns named so far, and one at least."""
    kept = OUTPUTS_MASK | KEPT
    # Each piece of text changes the parameter once.
    rules.rule(
        f"{FROM_QUERY}_from",
        [f'"(" inner::bit_and({DEPTH_MASK | OUTPUTS_MASK}) ") AS d" rest::bit_and({kept})'],
    )
    rules.rule("inner", [f'"SEL" inner_deeper::incr({DEPTH})'])
    rules.rule("inner_deeper", [f'"EC" inner_select::set_bit({DERIVED})'])
    # A query in a condition selects one column.
    rules.rule("nested", [_if(f'"(" nested_deeper::bit_and({DEPTH_MASK}) ")"', f"lt({DEPTH}, {MAX_DEPTH})")])
    rules.rule("nested_deeper", [f'"SEL" nested_one::incr({DEPTH})'])
    rules.rule("nested_one", [f'"EC" nested_select::bit_or({1 << EXACT | COUNT_ONE})'])
