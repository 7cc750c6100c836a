"""Grammar rules of what follows FROM: conditions, groups, set operations, order and limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from narrowgauge.contracts.surfaces.sql.parameter import (
    COUNT,
    COUNT_MASK,
    COUNT_ONE,
    DEPTH_MASK,
    EXACT,
    LEFT_COLUMN_BITS,
    RIGHT_SIDE,
    any_of,
)
from narrowgauge.contracts.surfaces.sql.rules import KINDS, Named, Rules, quoted
from narrowgauge.contracts.surfaces.sql.select_list import (
    CALLS,
    COUNT_OF,
    DATES,
    NUMBERS,
    NUMERIC_CALLS,
    ORDERED,
    TEXTS,
    TOTAL_OF,
)
from narrowgauge.contracts.surfaces.sql.shape import MAX_GROUP_LEVELS
from narrowgauge.contracts.surfaces.sql.words import string_text

__all__ = ["add_clauses"]

_MAX_CONDITIONS = 8
_MAX_VALUES = 16
_MAX_KEYS = 4


def add_clauses(rules: Rules) -> None:
    """Adds `rest`, which begins after FROM and ends the query."""
    _add_values(rules)
    _add_tests(rules)
    rules.rule(
        "rest",
        [
            "group::_",
            '" WHERE " where::_ group::_',
        ],
    )
    keys = f'(", " group_key::_){{0,{_MAX_KEYS - 1}}}'
    rules.rule("group", ["tail::_", f'" GROUP BY " group_key::_ {keys} having::_'])
    rules.rule("having", ["grouped_tail::_", '" HAVING " total_condition::_ grouped_tail::_'])
    rules.rule("group_key", ["column::_", "call::_"])
    _add_conditions(rules, "where", "test")
    _add_conditions(rules, "total_condition", "total_test")
    # Only groups can be sorted by an aggregate.
    values = ["value_or_calculation::_", "column::_", "call::_"]
    _add_tail(rules, "tail", values)
    _add_tail(rules, "grouped_tail", ["total::_", *values])
    # The right side selects as many columns as the left one.
    rules.rule("right_one", [f'"SELEC" right_one_select::bit_or({COUNT_ONE | 1 << EXACT | 1 << RIGHT_SIDE})'])
    rules.rule("right_same", [f'"SELEC" right_same_select::bit_or({1 << EXACT | 1 << RIGHT_SIDE})'])


def _add_tail(rules: Rules, name: str, sortable: list[str]) -> None:
    """Adds `name`: a set operation, or sort keys and limit, or nothing."""
    rules.rule(f"{name}_value", sortable)
    rules.rule(f"{name}_key", [f'{name}_value::_ " DESC"?'])
    order = f'" ORDER BY " {name}_key::_ (", " {name}_key::_){{0,{_MAX_KEYS - 1}}}'
    limit = '" LIMIT " LIMIT (" OFFSET " LIMIT)?'
    left = f"bit_clear({RIGHT_SIDE})"
    rules.rule(
        name,
        [
            '""',
            f"{order} %if {left}",
            f"{order} {limit} %if {left}",
            f"{limit} %if {left}",
            f"SET_OPERATOR right_one::bit_and({DEPTH_MASK}) %if and({left}, bit_set({EXACT}))",
            f"SET_OPERATOR right_same::bit_and({DEPTH_MASK | COUNT_MASK}) "
            f"%if and({left}, and(bit_clear({EXACT}), ge({COUNT}, 1)))",
        ],
    )


def _visible(rules: Rules, kinds: Iterable[str], text: str = "{}") -> list[str]:
    return [_if(text.format(named.terminal), named) for named in rules.visible(kinds)]


def _if(text: str, named: Named) -> str:
    return f"{text} %if {named.condition}"


def _add_values(rules: Rules) -> None:
    """Adds the values that conditions, groups and sort keys are about."""
    rules.rule("column", _visible(rules, KINDS))
    rules.rule("call", [a for call, kinds in CALLS for a in _visible(rules, kinds, f'{call} {{}} ")"')])
    rules.rule("number", _visible(rules, NUMBERS))
    rules.rule(
        "number_call",
        [a for call, kinds in NUMERIC_CALLS for a in _visible(rules, kinds, f'{call} {{}} ")"')],
    )
    rules.rule("value", ["number::_", "number_call::_"])
    rules.rule("operand", ["value::_", "CONSTANT"])
    rules.rule(
        "calculation",
        [
            "value::_ ARITHMETIC operand::_",
            '"(" value::_ ARITHMETIC operand::_ ")" ARITHMETIC operand::_',
        ],
    )
    rules.rule(
        "calculated",
        ["number_call::_", "calculation::_", 'value::_ ARITHMETIC "(" value::_ ARITHMETIC operand::_ ")"'],
    )
    rules.rule("value_or_calculation", ["number::_", "calculated::_"])
    texts = _visible(rules, ["text"])
    if texts:
        rules.rule("text_column", texts)
    rules.rule(
        "aggregate",
        [
            '"COUNT(*)"',
            f'{COUNT_OF} (column::_ | call::_ | calculation::_) ")"',
            f'{TOTAL_OF} (value::_ | calculation::_) ")"',
            *([f'{TOTAL_OF} text_column::_ ")"'] if texts else []),
            'EXTREME (ordered::_ | call::_ | calculation::_) ")"',
        ],
    )
    rules.rule("ordered", _visible(rules, ORDERED))
    rules.rule("total_operand", ["aggregate::_", "CONSTANT"])
    rules.rule(
        "total",
        [
            "aggregate::_ (ARITHMETIC total_operand::_)?",
            '"(" aggregate::_ ARITHMETIC total_operand::_ ")" ARITHMETIC total_operand::_',
        ],
    )


def _add_tests(rules: Rules) -> None:
    """Adds `test`, a condition on a row, and `total_test`, a condition on a group."""
    numbers = f'NUMERAL (", " NUMERAL){{0,{_MAX_VALUES - 1}}}'
    texts = f'STRING (", " STRING){{0,{_MAX_VALUES - 1}}}'
    dates = f'DATE (", " DATE){{0,{_MAX_VALUES - 1}}}'
    alternatives = [
        "value_or_calculation::_ COMPARE (NUMERAL | nested::_)",
        "calculated::_ COMPARE value_or_calculation::_",
        "number::_ COMPARE calculated::_",
        *_comparisons(rules, "number", NUMBERS, NUMBERS),
        'value_or_calculation::_ BETWEEN NUMERAL " AND " NUMERAL',
        f'value_or_calculation::_ IN "(" {numbers} ")"',
        "value_or_calculation::_ IN nested::_",
        "column::_ IS_NULL",
    ]
    groups = {
        "text": (("text", "unknown"), "STRING", texts, ("text", "category", "unknown")),
        "date": (("date",), "(DATE | TIME)", dates, ("date", "unknown")),
    }
    for name, (kinds, literal, several, partners) in groups.items():
        if not (left := _visible(rules, kinds)):
            continue
        rules.rule(f"{name}_left", left)
        alternatives += [
            *_comparisons(rules, name, kinds, partners),
            f"{name}_left::_ COMPARE ({literal} | nested::_)",
            f'{name}_left::_ BETWEEN {literal} " AND " {literal}',
            f'{name}_left::_ IN "(" {several} ")"',
            f"{name}_left::_ IN nested::_",
            f"{name}_left::_ LIKE PATTERN",
        ]
    for kind, (calls, literal) in {
        "text_call": (("DATE_TEXT_CALL", "TEXT_CALL"), "STRING"),
        "date_call": (("DAY_CALL",), "DATE"),
    }.items():
        kinds_of = {"DATE_TEXT_CALL": DATES, "TEXT_CALL": TEXTS, "DAY_CALL": DATES}
        if made := [a for call in calls for a in _visible(rules, kinds_of[call], f'{call} {{}} ")"')]:
            rules.rule(kind, made)
            alternatives += [f"{kind}::_ COMPARE {literal}", f'{kind}::_ BETWEEN {literal} " AND " {literal}']
            if kind == "text_call":
                alternatives += [f"{kind}::_ LIKE PATTERN", f'{kind}::_ IN "(" {texts} ")"']
    if booleans := _visible(rules, ["boolean", "unknown"]):
        rules.rule("boolean_left", booleans)
        alternatives += ["boolean_left::_ EQUAL BOOLEAN"]
    _add_categories(rules, alternatives)
    rules.rule("test", alternatives)
    rules.rule(
        "total_test",
        [
            "total::_ COMPARE (NUMERAL | total::_ | nested::_)",
            'total::_ BETWEEN NUMERAL " AND " NUMERAL',
            *(['EXTREME date_left::_ ")" COMPARE DATE'] if _visible(rules, ["date"]) else []),
        ],
    )


def _comparisons(rules: Rules, name: str, left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Adds comparisons of two different columns, and returns the rule, if there are any.

    The number of the left column is in bits of the parameter that FROM leaves free.
    """
    rule = f"{name}_columns"
    columns = list(rules.compared(right))
    lefts = []
    for named, number in rules.compared(left):
        others = dict.fromkeys(other.condition for other, n in columns if n != number)
        if not others:
            continue
        # The operator is no dead end: there is another column, of this table or of one that is there.
        there = named.condition
        if there not in others:
            there = f"and({there}, {any_of(others)})"
        lefts.append(f"{named.terminal} {rule}_with::bit_or({number}) %if {there}")
    if not lefts:
        return []
    rules.rule(rule, lefts)
    rules.rule(f"{rule}_with", [f"COMPARE {rule}_other::_"])
    rules.rule(
        f"{rule}_other",
        [
            f"{named.terminal} %if and({named.condition}, ne([0:{LEFT_COLUMN_BITS}], {number}))"
            for named, number in columns
        ],
    )
    return [f"{rule}::_"]


def _add_categories(rules: Rules, alternatives: list[str]) -> None:
    """Adds the tests of columns whose values are all known."""
    by_values: dict[tuple[str, ...], list[str]] = {}
    for named, values in rules.categories():
        by_values.setdefault(values, []).append(_if(named.terminal, named))
    every = []
    for number, (values, columns) in enumerate(by_values.items()):
        rules.rule(f"category{number}", columns)
        literal = rules.terminal(string_text(value) for value in values)
        alternatives += [
            f"category{number}::_ EQUAL {literal}",
            f'category{number}::_ IN "(" {literal} (", " {literal}){{0,{_MAX_VALUES - 1}}} ")"',
        ]
        every.append(f"category{number}::_")
    if every:
        rules.rule("category", every)
        alternatives += [
            *_comparisons(rules, "category", ("category",), TEXTS),
            "category::_ COMPARE nested::_",
            "category::_ IN nested::_",
            "category::_ LIKE PATTERN",
        ]


def _add_conditions(rules: Rules, name: str, test: str) -> None:
    """Adds `name`: one test, or groups of them three levels deep, with no parentheses more than needed."""
    several = f"{{1,{_MAX_CONDITIONS - 1}}}"
    for level in range(MAX_GROUP_LEVELS):
        parts_all, parts_any = [f"{test}::_"], [f"{test}::_"]
        if level:
            parts_all += [f'"(" {name}_any{level - 1}::_ ")"', f"{name}_not{level - 1}::_"]
            parts_any += [f"{name}_all{level - 1}::_", f"{name}_not{level - 1}::_"]
        rules.rule(f"{name}_in_all{level}", parts_all)
        rules.rule(f"{name}_in_any{level}", parts_any)
        for word, kind in ((" AND ", "all"), (" OR ", "any")):
            part = f"{name}_in_{kind}{level}::_"
            rules.rule(f"{name}_{kind}{level}", [f"{part} ({quoted(word)} {part}){several}"])
        rules.rule(f"{name}_not{level}", [f'"NOT (" ({name}_all{level}::_ | {name}_any{level}::_) ")"'])
    top = MAX_GROUP_LEVELS - 1
    rules.rule(name, [f"{test}::_", f"{name}_all{top}::_", f"{name}_any{top}::_", f"{name}_not{top}::_"])
