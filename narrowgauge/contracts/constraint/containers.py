"""The grammar of lists and maps as ProtoJSON, given that of their items, keys and values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from narrowgauge.contracts.constraint.coverage import Coverage
from narrowgauge.contracts.constraint.lark import Lark, literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.scalar import Unsatisfiable
from narrowgauge.contracts.constraint.strings import json_text

__all__ = ["ContainerGrammar", "Value"]

_MOST_UNIQUE = 64  # bits of llguidance's rule parameter


@dataclass(frozen=True)
class Value:
    """A value in the grammar.

    Attributes:
        symbol: Its rule, terminal or literal.
        choices: All its JSON texts, when they are few; None otherwise.
    """

    symbol: str
    choices: tuple[str, ...] | None = None


class ContainerGrammar:
    """Adds the rules of lists and maps to a grammar."""

    def __init__(self, limits: Limits, closed_sets: Mapping[str, Sequence[str]] | None) -> None:
        """Begins a grammar.

        Args:
            limits: Bounds where the contract sets none.
            closed_sets: Values of the closed sets; None when they are not known yet, and then every value
                of a field is allowed that its rules allow.

        Attributes:
            coverage: Which rules the grammar guarantees, of all messages added so far.
            closed_set_names: Names of the closed sets that were met.
            missing: Those among them that have no allowed value for a field.
        """
        self.coverage = Coverage()
        self.closed_set_names: set[str] = set()
        self.missing: set[str] = set()
        self._lark = Lark()
        self._limits = limits
        self._closed_sets = closed_sets

    @property
    def lark(self) -> Lark:
        """The grammar under construction."""
        return self._lark

    def _list(
        self, member: FieldDescriptor, given: Any, item: Value | None, exclude_empty: bool
    ) -> Value | None:
        """Adds a list.

        Args:
            member: The field.
            given: Its `RepeatedRules`.
            item: An item; None when none can be written.
            exclude_empty: Whether the empty list may not be written.

        Returns:
            The list; None when nothing can be written for it.

        Raises:
            Unsatisfiable: No list is as the rules say.
        """
        low, high = given.min_items, given.max_items if given.HasField("max_items") else None
        if exclude_empty:
            low = max(low, 1)
        high = max(low, self._limits.items) if high is None else high
        self.coverage.note(
            member, given, "repeated.", {"min_items", "max_items"}, {"items", "example", "unique"}
        )
        if low > high:
            raise Unsatisfiable(f"it has at least {low} and at most {high} items")
        if item is None:
            return None
        if high == 0:
            return Value('"[]"')
        self.coverage.bounds[member.full_name] = high
        if given.unique:
            if item.choices is not None and len(item.choices) <= _MOST_UNIQUE:
                self.coverage.claims.add((member.full_name, "repeated.unique"))
                if low > len(item.choices):
                    raise Unsatisfiable(f"it has at least {low} different items out of {len(item.choices)}")
                return Value(self._unique_items(member, item.choices, low, high))
            self.coverage.left[member.full_name, "repeated.unique"] = "compares items"
        return Value(self._items(member, item.symbol, low, high))

    def _map(
        self,
        member: FieldDescriptor,
        given: Any,
        key: Value | None,
        value: Value | None,
        exclude_empty: bool,
    ) -> Value | None:
        """Adds a map; see `_list`.

        Args:
            member: The field.
            given: Its `MapRules`.
            key: A key; None when none can be written.
            value: A value; None when none can be written.
            exclude_empty: Whether the empty map may not be written.
        """
        low, high = given.min_pairs, given.max_pairs if given.HasField("max_pairs") else None
        if exclude_empty:
            low = max(low, 1)
        high = max(low, self._limits.pairs) if high is None else high
        self.coverage.note(member, given, "map.", {"min_pairs", "max_pairs"}, {"keys", "values", "example"})
        if low > high:
            raise Unsatisfiable(f"it has at least {low} and at most {high} pairs")
        if key is None or value is None:
            return None
        if high == 0:
            return Value('"{}"')
        if key.choices is not None and len(key.choices) <= _MOST_UNIQUE:
            if low > len(key.choices):
                raise Unsatisfiable(f"it has at least {low} different keys out of {len(key.choices)}")
            # In the order in which keys are written.
            entry: Any = member.message_type
            kind = entry.fields_by_name["key"].cpp_type
            number = kind not in (FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_BOOL)
            keys = sorted(map(json.loads, key.choices), key=int if number else str)
            high = min(high, len(key.choices))
            self.coverage.bounds[member.full_name] = high
            texts = [json_text(key) for key in keys]
            return Value(self._enumerated_map(member, texts, value.symbol, low, high))
        self.coverage.bounds[member.full_name] = high
        return Value(self._pairs(member, key.symbol, value.symbol, low, high))

    def _enumerated_map(
        self, member: FieldDescriptor, keys: Sequence[str], value: str, low: int, high: int
    ) -> str:
        """Keys in their own order, so that none can come twice."""
        tail = self._chosen_keys(
            keys, low, high, lambda first, key: f"{'' if first else ','}{key}:", value, "}"
        )
        return self._lark.rule(f'"{{" {tail}')

    def _chosen_keys(
        self,
        keys: Sequence[str],
        low: int,
        high: int,
        key_text: Callable[[bool, str], str],
        value: str,
        end: str,
    ) -> str:
        """Adds rules for `low` to `high` of the keys, each with a value, and returns the first one's name.

        Args:
            keys: In the order in which they are written.
            low: Fewest pairs.
            high: Most pairs.
            key_text: Text before a value, given whether it is the first one, and the key.
            value: Symbol of a value.
            end: What follows the last pair.
        """
        rules: dict[tuple[int, int], str | None] = {}
        for index in range(len(keys), -1, -1):
            for count in range(min(index, high), -1, -1):
                parts = []
                if index == len(keys):
                    parts += [literal(end)] if count >= low else []
                else:
                    with_key = rules.get((index + 1, count + 1))
                    if with_key:
                        parts.append(f"{literal(key_text(count == 0, keys[index]))} {value} {with_key}")
                    without = rules[index + 1, count]
                    parts += [without] if without else []
                rules[index, count] = self._lark.rule(" | ".join(parts)) if parts else None
        # The bounds leave a way through the keys, as the caller has checked.
        return str(rules[0, 0])

    def _items(self, member: FieldDescriptor, item: str, low: int, high: int) -> str:
        return self._sequence("[", item, "]", low, high)

    def _unique_items(self, member: FieldDescriptor, choices: Sequence[str], low: int, high: int) -> str:
        return self._lark.unique_list([literal(choice) for choice in choices], low, high)

    def _pairs(self, member: FieldDescriptor, key: str, value: str, low: int, high: int) -> str:
        return self._sequence("{", self._lark.rule(f'{key} ":" {value}'), "}", low, high)

    def _sequence(self, begin: str, item: str, end: str, low: int, high: int) -> str:
        body = f'{item} ("," {item}){{{max(low - 1, 0)},{high - 1}}}' if high > 1 else item
        if low == 0:
            body = f"({body})?"
        return self._lark.rule(f"{literal(begin)} {body} {literal(end)}")
