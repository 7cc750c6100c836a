"""Grammar rules of FROM: tables and joins, until every table is there that a SELECT needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from narrowgauge.contracts.surfaces.sql.joins import joinable_kinds, leads_again
from narrowgauge.contracts.surfaces.sql.parameter import (
    AVAILABLE,
    AVAILABLE_MASK,
    COUNT_ONE,
    DEPTH,
    DEPTH_MASK,
    DERIVED,
    EXACT,
    KEPT,
    MAX_DEPTH,
    OUTPUTS_MASK,
    SOURCES,
    all_of,
    any_of,
    bits,
)
from narrowgauge.contracts.surfaces.sql.rules import DERIVED as FROM_QUERY
from narrowgauge.contracts.surfaces.sql.rules import TABLES, Named, Rules, quoted, room_for
from narrowgauge.contracts.surfaces.sql.words import identifier

__all__ = ["add_from"]


@dataclass(frozen=True)
class _JoinedColumns:
    """Columns of a table that joins, and what they can be equal to.

    Attributes:
        left: Columns of other occurrences.
        partners: The occurrences that have such columns, as bits.
        suggested: Those of them that only names say so of.
        right: Terminal of the table's own columns.
    """

    left: tuple[Named, ...]
    partners: int
    suggested: int
    right: str


def add_from(rules: Rules) -> None:
    """Adds `<shape>_from` for every shape of a SELECT; each ends with `rest` (see `clauses`)."""
    _add_from_tables(rules)
    _add_from_query(rules)


def _if(alternative: str, condition: str) -> str:
    return f"{alternative} %if {condition}" if condition else alternative


def _add_from_tables(rules: Rules) -> None:
    """Adds `t_from`: a table, and joins at least until every table is there that a column has named."""
    every = list(enumerate(rules.occurrences))
    names = [
        quoted(identifier(source.table) + (f" AS {identifier(source.name)}" if source.instance else ""))
        for _, (_, source) in every
    ]
    firsts = [n for n, (_, source) in every if not source.instance]
    rules.rule(
        f"{TABLES}_from",
        [_if(f"{names[n]} first{n}::set_bit({AVAILABLE + n})", room_for(n, 1, there=True)) for n in firsts],
    )
    # A table that is there is needed no more. (llguidance 1.9 fails on `first0: joined::clear_bit(0)`.)
    for n in firsts:
        others = all_of(f"is_zeros([{a}:{b}])" for a, b in ((0, n), (n + 1, SOURCES)) if a < b)
        joins = [f"join::clear_bit({n})"] if len(every) > 1 else []
        rules.rule(f"first{n}", [*joins, f"rest::bit_and({AVAILABLE_MASK | KEPT}) %if {others}"])
    if len(every) == 1:
        return
    rules.rule("joined", ["join::_", f"rest::bit_and({AVAILABLE_MASK | KEPT}) %if is_zeros([0:{SOURCES}])"])
    alternatives = []
    lefts: dict[tuple[str, ...], str] = {}
    for n, (index, source) in every:
        # A second occurrence comes after the first.
        condition = all_of(
            [
                f"bit_clear({AVAILABLE + n})",
                f"bit_set({AVAILABLE + index})" if source.instance else "",
                room_for(n, 1, there=True),
            ]
        )
        if pairs := _joined_columns(rules, n):
            # Over both ways of one self-reference at once, a row would be its own neighbour's neighbour.
            _add_keys(rules, f"key{n}", pairs, lefts, several=not source.instance)
            rules.rule(f"on{n}", [f'" ON " key{n}_0::_ joined::set_bit({AVAILABLE + n})'])
            met = all_of([condition, _one_of(pairs, 0)])
            alternatives.append(_if(f"JOIN {names[n]} on{n}::clear_bit({n})", met))
        rules.rule(f"cross{n}", [f"joined::set_bit({AVAILABLE + n})"])
        alternatives.append(_if(f'" CROSS JOIN " {names[n]} cross{n}::clear_bit({n})', condition))
    rules.rule("join", alternatives)


def _joined_columns(rules: Rules, position: int) -> list[_JoinedColumns]:
    """Returns what an occurrence can be joined over, by its columns in their order."""
    index = rules.occurrences[position][0]
    if not rules.keys:
        return _columns_of_kinds(rules, position)
    declared, suggested = (_partners(rules, position, suggested=names) for names in (False, True))
    every = {place for places in declared.values() for place, _ in places}
    # What names suggest counts only where FROM has brought no table that a reference links.
    none = [f"bit_clear({AVAILABLE + place})" for place in sorted(every)]
    found = []
    for own in (column.name for column in rules.tables[index].columns):
        left = [
            Named(
                rules.qualified(place, [identifier(name)]),
                all_of([f"bit_set({AVAILABLE + place})", *conditions]),
            )
            for partners, conditions in ((declared, []), (suggested, none))
            for place, name in sorted(partners[own])
        ]
        if left:
            named = _mask(place for place, _ in suggested[own])
            partners = named | _mask(place for place, _ in declared[own])
            right = rules.qualified(position, [identifier(own)])
            found.append(_JoinedColumns(tuple(left), partners, named, right))
    return found


def _partners(rules: Rules, position: int, *, suggested: bool) -> dict[str, set[tuple[int, str]]]:
    """Returns occurrences and their columns that keys of one sort link, by the joining table's columns."""
    found: dict[str, set[tuple[int, str]]] = defaultdict(set)
    index = rules.occurrences[position][0]
    for key in rules.keys:
        if key.suggested == suggested:
            for own, other, column in key.seen_from(index):
                found[own] |= {(place, column) for place in _places(rules, position, other)}
    return found


def _mask(places: Iterable[int]) -> int:
    return sum(1 << place for place in set(places))


def _columns_of_kinds(rules: Rules, position: int) -> list[_JoinedColumns]:
    """Without any key, all columns of one kind can be joined; a table still not with itself."""
    index = rules.occurrences[position][0]
    found = []
    for kind in dict.fromkeys(column.kind for column in rules.tables[index].columns):
        kinds = joinable_kinds(kind)
        places = {n for n, (i, _) in enumerate(rules.occurrences) if i != index and rules.names(i, kinds)}
        if places:
            # FROM has not brought the table itself when it joins, so all tables share one rule.
            left = tuple(rules.joined(kinds))
            right = rules.qualified(position, rules.names(index, frozenset((kind,))))
            found.append(_JoinedColumns(left, _mask(places), 0, right))
    return found


def _places(rules: Rules, position: int, other: int) -> Iterator[int]:
    """Positions of a table's occurrences that an occurrence can be joined with."""
    index, source = rules.occurrences[position]
    for place, (table, partner) in enumerate(rules.occurrences):
        # A first occurrence comes before the second one.
        if table != other or place == position or (table == index and not source.instance):
            continue
        if not source.instance or partner.instance or leads_again(rules.keys, index, other):
            yield place


def _add_keys(
    rules: Rules,
    name: str,
    pairs: list[_JoinedColumns],
    lefts: dict[tuple[str, ...], str],
    *,
    several: bool,
) -> None:
    """Adds `<name>_0`: one of the keys or, with `several`, some of them in their order and none twice.

    Where FROM has brought only one partner, the text is forced.

    Args:
        rules: The rules.
        name: Begins the names of the rules.
        pairs: The keys.
        lefts: Names of the rules for left sides, by their alternatives; grows.
        several: Whether `AND` can follow.
    """
    declared = 0
    for pair in pairs:
        declared |= pair.partners & ~pair.suggested
    for n, pair in enumerate(pairs):
        left = tuple(_if(named.terminal, named.condition) for named in pair.left)
        if left not in lefts:
            lefts[left] = f"left{len(lefts)}"
            rules.rule(lefts[left], left)
        key = f'{lefts[left]}::_ " = " {pair.right}'
        alternatives = [key]
        if later := pairs[n + 1 :]:
            if several:
                alternatives = [f"{key} {name}_after{n}::_"]
                more = _if(f'" AND " {name}_{n + 1}::_', _one_of(later, declared))
                rules.rule(f"{name}_after{n}", ['""', more])
            alternatives.append(f"{name}_{n + 1}::_")
        rules.rule(f"{name}_{n}", alternatives)


def _one_of(pairs: Iterable[_JoinedColumns], declared: int) -> str:
    """Condition that FROM has brought the left side of one of the keys.

    Args:
        pairs: The keys.
        declared: Occurrences that references link, beside which no suggested key counts.
    """
    linked = named = 0
    for pair in pairs:
        linked |= pair.partners & ~pair.suggested
        named |= pair.suggested
    found = [any_of(f"bit_set({AVAILABLE + place})" for place in bits(mask)) for mask in (linked, named)]
    if found[1]:
        found[1] = all_of([found[1], *(f"bit_clear({AVAILABLE + place})" for place in bits(declared))])
    return any_of(condition for condition in found if condition)


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
