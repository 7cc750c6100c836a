"""Grammars of messages as ProtoJSON (https://protobuf.dev/programming-guides/json/).

`MessageGrammar` walks a request message and writes a rule for each message and depth of recursion, with the
values that the fields' rules allow; `chain` says which field may follow which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint import well_known
from narrowgauge.contracts.constraint.chain import Chain, Slot
from narrowgauge.contracts.constraint.fields import (
    any_targets,
    children,
    is_derived,
    is_map,
    refuse,
    rules_of,
    values_from,
)
from narrowgauge.contracts.constraint.lark import Lark, literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.recursion import Cycles
from narrowgauge.contracts.constraint.scalars import (
    Scalar,
    Unsatisfiable,
    bool_scalar,
    bytes_scalar,
    enum_scalar,
    float_scalar,
    integer_scalar,
    string_scalar,
)
from narrowgauge.contracts.constraint.strings import StringRule, json_text, string_rule
from narrowgauge.contracts.validate import default_violations

__all__ = ["Coverage", "MessageGrammar", "Value"]

_INTEGERS = {
    FieldDescriptor.TYPE_INT32: ("int32", 32, True),
    FieldDescriptor.TYPE_INT64: ("int64", 64, True),
    FieldDescriptor.TYPE_UINT32: ("uint32", 32, False),
    FieldDescriptor.TYPE_UINT64: ("uint64", 64, False),
    FieldDescriptor.TYPE_SINT32: ("sint32", 32, True),
    FieldDescriptor.TYPE_SINT64: ("sint64", 64, True),
    FieldDescriptor.TYPE_FIXED32: ("fixed32", 32, False),
    FieldDescriptor.TYPE_FIXED64: ("fixed64", 64, False),
    FieldDescriptor.TYPE_SFIXED32: ("sfixed32", 32, True),
    FieldDescriptor.TYPE_SFIXED64: ("sfixed64", 64, True),
}
_NO_REQUESTS = (
    well_known.WRAPPERS
    | well_known.JSON_KINDS
    | {f"google.protobuf.{name}" for name in ("Any", "Duration", "FieldMask", "Timestamp")}
)
_MOST_UNIQUE = 64  # bits of llguidance's rule parameter
_ZEROS = {
    FieldDescriptor.CPPTYPE_STRING: '""',
    FieldDescriptor.CPPTYPE_BOOL: "false",
    FieldDescriptor.CPPTYPE_FLOAT: "0",
    FieldDescriptor.CPPTYPE_DOUBLE: "0",
    FieldDescriptor.CPPTYPE_INT32: "0",
    FieldDescriptor.CPPTYPE_UINT32: "0",
    FieldDescriptor.CPPTYPE_INT64: '"0"',
    FieldDescriptor.CPPTYPE_UINT64: '"0"',
}


@dataclass
class Coverage:
    """Which rules the constraint guarantees.

    Attributes:
        claims: Pairs of a field's full name and a rule's path, for example `string.max_len`.
        left: The same for rules that are checked on the finished message, with the reason.
        bounds: Most code points, items or pairs of a field by its full name, as the grammar has them.
    """

    claims: set[tuple[str, str]] = field(default_factory=set)
    left: dict[tuple[str, str], str] = field(default_factory=dict)
    bounds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """A value in the grammar.

    Attributes:
        symbol: Its rule, terminal or literal.
        choices: All its JSON texts, when they are few; None otherwise.
    """

    symbol: str
    choices: tuple[str, ...] | None = None


class MessageGrammar:
    """Adds the rules of messages to a grammar."""

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
        self._objects: dict[tuple[str, int], str | None] = {}

    @property
    def lark(self) -> Lark:
        """The grammar under construction."""
        return self._lark

    def request(self, descriptor: Descriptor) -> str | None:
        """Adds a request message and returns its rule; None when nothing can be written for it.

        Raises:
            Unsupported: A field has no constraint; names it and says why.
        """
        self._cycles = Cycles(descriptor, lambda message: children(message, self._limits))
        self._objects.clear()  # what closes a cycle depends on the root
        if descriptor.full_name in _NO_REQUESTS:
            raise refuse(
                descriptor, "its ProtoJSON is no object of fields; make it a field of a request message"
            )
        return self._root(descriptor)

    def _root(self, descriptor: Descriptor) -> str | None:
        return self._message(descriptor, self._limits.depth)

    def _message(self, descriptor: Descriptor, depth: int) -> str | None:
        key = (descriptor.full_name, depth)
        if key not in self._objects:
            self._objects[key] = self._object(descriptor, depth, '"{"', opened=False)
        return self._objects[key]

    def _object(self, descriptor: Descriptor, depth: int, head: str, *, opened: bool) -> str | None:
        members, needed = self._slots(descriptor, depth)
        tail = Chain(self._lark, [slot for _, slot in members], needed, "}").tail(opened)
        return None if tail is None else self._lark.rule(f"{head} {tail}")

    def _slots(
        self, descriptor: Descriptor, depth: int
    ) -> tuple[list[tuple[FieldDescriptor, Slot]], set[str]]:
        """The fields in number order with their slots, and the groups of which a member must be written."""
        options = descriptor.GetOptions()
        if options.message_set_wire_format:
            raise refuse(descriptor, "message sets have no ProtoJSON")
        rules = options.Extensions[validate_pb2.message]
        groups = self._groups(descriptor, rules)
        not_default = default_violations(descriptor)
        slots = []
        for member in sorted(descriptor.fields, key=lambda member: member.number):
            if is_derived(member):
                continue
            member_groups = frozenset(name for name, (names, _) in groups.items() if member.name in names)
            field_rules = rules_of(member)
            in_rule = any(member.name in entry.fields for entry in rules.oneof)
            if in_rule and not field_rules.ignore:
                field_rules.ignore = validate_pb2.IGNORE_IF_ZERO_VALUE
            # A default value does not count as a member of such a group.
            counts = (in_rule or field_rules.required) and not member.has_presence
            slot = self._slot(member, field_rules, member_groups, member.name in not_default, counts, depth)
            slots.append((member, slot))
        return slots, {name for name, (_, needed) in groups.items() if needed}

    def _groups(self, descriptor: Descriptor, rules: Any) -> dict[str, tuple[frozenset[str], bool]]:
        groups = {}
        for oneof in descriptor.oneofs:
            needed = bool(oneof.GetOptions().Extensions[validate_pb2.oneof].required)
            groups[f"{oneof.name}"] = (frozenset(member.name for member in oneof.fields), needed)
            if needed:
                self.coverage.claims.add((oneof.full_name, "required"))
        for index, entry in enumerate(rules.oneof):
            groups[f"oneof[{index}]"] = (frozenset(entry.fields), entry.required)
            self.coverage.claims.add((descriptor.full_name, "oneof"))
        for name in ("cel", "cel_expression"):
            if getattr(rules, name):
                self.coverage.left[descriptor.full_name, name] = "is written in CEL"
        return groups

    def _slot(
        self,
        member: FieldDescriptor,
        rules: Any,
        groups: frozenset[str],
        not_default: bool,
        exclude_zero: bool,
        depth: int,
    ) -> Slot:
        ignored = rules.ignore == validate_pb2.IGNORE_ALWAYS
        if ignored:
            rules = validate_pb2.FieldRules()
        required = member.is_required or (not_default and not ignored)
        if rules.required:
            self.coverage.claims.add((member.full_name, "required"))
        value = self._written(member, rules, required, exclude_zero, depth)
        key = f"{json_text(member.json_name)}:"
        return Slot(key, f",{key}", value.symbol if value else None, required, groups)

    def _written(
        self, member: FieldDescriptor, rules: Any, required: bool, exclude_zero: bool, depth: int
    ) -> Value | None:
        """The field's value; None when nothing can be written for it."""
        try:
            return self._field(member, rules, exclude_zero, depth)
        except Unsatisfiable as reason:
            raise refuse(member, str(reason)) from reason

    def _field(self, member: FieldDescriptor, rules: Any, exclude_zero: bool, depth: int) -> Value | None:
        if is_map(member):
            return self._map(member, rules, exclude_zero, depth)
        if member.is_repeated:
            return self._list(member, rules, exclude_zero, depth)
        return self._single(member, rules, "", exclude_zero, depth)

    def _list(self, member: FieldDescriptor, rules: Any, exclude_empty: bool, depth: int) -> Value | None:
        given = rules.repeated
        item = self._single(member, given.items, "repeated.items.", False, depth)
        low, high = given.min_items, given.max_items if given.HasField("max_items") else None
        if exclude_empty:
            low = max(low, 1)
        high = max(low, self._limits.items) if high is None else high
        self._note(member, given, "repeated.", {"min_items", "max_items"}, {"items", "example", "unique"})
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

    def _map(self, member: FieldDescriptor, rules: Any, exclude_empty: bool, depth: int) -> Value | None:
        given = rules.map
        entry: Any = member.message_type
        key = self._single(entry.fields_by_name["key"], given.keys, "map.keys.", False, depth, owner=member)
        value = self._single(
            entry.fields_by_name["value"], given.values, "map.values.", False, depth, owner=member
        )
        low, high = given.min_pairs, given.max_pairs if given.HasField("max_pairs") else None
        if exclude_empty:
            low = max(low, 1)
        high = max(low, self._limits.pairs) if high is None else high
        self._note(member, given, "map.", {"min_pairs", "max_pairs"}, {"keys", "values", "example"})
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

    def _single(
        self,
        member: FieldDescriptor,
        rules: Any,
        path: str,
        exclude_zero: bool,
        depth: int,
        *,
        owner: FieldDescriptor | None = None,
    ) -> Value | None:
        owner = owner or member
        if rules.ignore == validate_pb2.IGNORE_ALWAYS:
            rules = validate_pb2.FieldRules()
        for name in ("cel", "cel_expression"):
            if getattr(rules, name):
                self.coverage.left[owner.full_name, f"{path}{name}"] = "is written in CEL"
        if member.message_type is not None:
            return self._message_value(member.message_type, rules, path, depth, owner)
        named = self._named_values(owner, member, rules, path, exclude_zero)
        if named is not False:
            return named
        quoted = owner is not member and member.name == "key"
        scalar = self._scalar(member, rules, exclude_zero, quoted)
        if (
            rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
            and not exclude_zero
            and (path or not member.has_presence)  # with presence, protovalidate checks a zero that is set
        ):
            scalar = _with_zero(member, scalar)
        return self._value_of(owner, scalar, path + (rules.WhichOneof("type") or ""))

    def _named_values(
        self, owner: FieldDescriptor, member: FieldDescriptor, rules: Any, path: str, exclude_zero: bool
    ) -> Value | Literal[False] | None:
        """The field's closed set as a value; False when it has none."""
        name = values_from(owner)
        if not name or (owner is not member and member.name != "key"):
            return False
        if member.type != FieldDescriptor.TYPE_STRING:
            raise refuse(owner, f"values_from = {name!r} is for strings, lists of strings and keys of maps")
        self.closed_set_names.add(name)
        rule = string_rule(rules.string, self._limits)
        self._cover(owner, rule.claims, rule.left, f"{path}string")
        if self._closed_sets is None:
            return self._any_name(owner, rule, path)
        values = rule.allowed(self._closed_sets.get(name, ()))
        if exclude_zero:
            values = [value for value in values if value]
        if not values:
            self.missing.add(name)
            return None
        return self._names(owner, values, path)

    def _any_name(self, owner: FieldDescriptor, rule: StringRule, path: str) -> Value:
        """A value of a closed set that is not known yet."""
        return self._value_of(owner, string_scalar(rule), f"{path}string", choices=False)

    def _names(self, owner: FieldDescriptor, values: Sequence[str], path: str) -> Value:
        """A value of a closed set."""
        texts = tuple(map(json_text, values))
        return Value(self._lark.terminal(" | ".join(map(literal, texts))), texts)

    def _scalar(self, member: FieldDescriptor, rules: Any, exclude_zero: bool, quoted: bool) -> Scalar:
        kind = member.type
        enum: Any = member.enum_type
        if kind in _INTEGERS:
            name, bits, signed = _INTEGERS[kind]
            exclude = frozenset({0}) if exclude_zero else frozenset[int]()
            return integer_scalar(
                getattr(rules, name), bits=bits, signed=signed, quoted=quoted or bits == 64, exclude=exclude
            )
        match kind:
            case FieldDescriptor.TYPE_STRING:
                rule = string_rule(rules.string, self._limits)
                rule = replace(rule, low=max(rule.low, 1)) if exclude_zero else rule
                self.coverage.bounds.setdefault(member.full_name, rule.high)
                return string_scalar(rule)
            case FieldDescriptor.TYPE_BYTES:
                return bytes_scalar(rules.bytes, self._limits, exclude_zero=exclude_zero)
            case FieldDescriptor.TYPE_BOOL:
                return bool_scalar(rules.bool, quoted=quoted, exclude_zero=exclude_zero)
            case FieldDescriptor.TYPE_ENUM:
                return enum_scalar(rules.enum, enum, exclude_zero=exclude_zero)
            case FieldDescriptor.TYPE_FLOAT:
                return float_scalar(rules.float, single=True, exclude_zero=exclude_zero)
        return float_scalar(rules.double, single=False, exclude_zero=exclude_zero)

    def _message_value(
        self, target: Descriptor, rules: Any, path: str, depth: int, owner: FieldDescriptor
    ) -> Value | None:
        special = self._well_known(target, rules, path, depth, owner)
        if special is not False:
            return special
        symbol = self._message(target, below) if (below := self._below(owner, target, depth)) >= 0 else None
        return Value(symbol) if symbol else None

    def _below(self, owner: Any, target: Descriptor, depth: int) -> int:
        """How often cycles may still be gone through in `target`; negative when it may not be written."""
        if not self._cycles.joins(owner.containing_type, target):
            return self._limits.depth
        return depth - 1 if self._cycles.closes(owner, target) else depth

    def _well_known(
        self, target: Descriptor, rules: Any, path: str, depth: int, owner: FieldDescriptor
    ) -> Value | Literal[False] | None:
        """A type with a JSON form of its own; False for all others."""
        if target.full_name in well_known.WRAPPERS:
            scalar = self._scalar(target.fields_by_name["value"], rules, False, False)
            return self._value_of(owner, scalar, path + (rules.WhichOneof("type") or ""))
        match target.full_name:
            case "google.protobuf.Timestamp":
                return self._value_of(owner, well_known.timestamp(rules.timestamp), f"{path}timestamp")
            case "google.protobuf.Duration":
                return self._value_of(owner, well_known.duration(rules.duration), f"{path}duration")
            case "google.protobuf.FieldMask":
                return self._value_of(owner, well_known.field_mask(rules.field_mask), f"{path}field_mask")
            case "google.protobuf.Any":
                return self._any(owner, rules.any, path, depth)
            case name if name in well_known.JSON_KINDS:
                return Value(well_known.json_value(self._lark, self._limits, name, self._limits.json_depth))
        return False

    def _any(self, owner: FieldDescriptor, rules: Any, path: str, depth: int) -> Value | None:
        targets = any_targets(owner, rules, self._limits)
        if not targets:
            raise refuse(
                owner,
                "a google.protobuf.Any without named types: name them with (buf.validate.field).any.in, or "
                "mark the field (narrowgauge.v1.value).derived",
            )
        self._cover(owner, {name for name in ("in", "not_in") if getattr(rules, name)}, {}, f"{path}any")
        symbols = []
        for url, target in targets:
            if target is None:
                raise refuse(owner, f"its type {url} is not among the descriptors")
            head = literal('{"@type":' + json_text(url))
            special = self._well_known(target, validate_pb2.FieldRules(), path, depth - 1, owner)
            if special is False:
                below = self._below(owner, target, depth)
                symbol = self._object(target, below, head, opened=True) if below >= 0 else None
            else:
                symbol = None
                if special is not None:
                    symbol = self._lark.rule(f'{head} ",\\"value\\":" {special.symbol} "}}"')
            symbols += [symbol] if symbol else []
        if len(symbols) == 1:
            return Value(symbols[0])
        return Value(self._lark.rule(" | ".join(symbols))) if symbols else None

    def _value_of(self, owner: FieldDescriptor, scalar: Scalar, path: str, *, choices: bool = True) -> Value:
        self._cover(owner, scalar.claims, scalar.left, path)
        name = self._lark.terminal(scalar.body)
        if scalar.may_be_empty and self._lark.matches_nothing(name):
            raise Unsatisfiable("no value satisfies its rules")
        return Value(name, scalar.choices if choices else None)

    def _cover(self, owner: FieldDescriptor, claims: set[str], left: Mapping[str, str], path: str) -> None:
        self.coverage.claims |= {(owner.full_name, f"{path}.{name}") for name in claims}
        self.coverage.left |= {(owner.full_name, f"{path}.{name}"): reason for name, reason in left.items()}

    def _note(self, owner: FieldDescriptor, rules: Any, path: str, known: set[str], other: set[str]) -> None:
        for descriptor, _ in rules.ListFields():
            if descriptor.name in known:
                self.coverage.claims.add((owner.full_name, path + descriptor.name))
            elif descriptor.name not in other:
                self.coverage.left[owner.full_name, path + descriptor.name] = (
                    "has no expression in the constraint"
                )


def _with_zero(member: FieldDescriptor, scalar: Scalar) -> Scalar:
    """Adds the zero value, on which `IGNORE_IF_ZERO_VALUE` suspends the rules."""
    if member.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        enum: Any = member.enum_type
        value = enum.values_by_number.get(0)
        if value is None:
            return scalar
        zero = f'"{value.name}"'
    else:
        zero = _ZEROS[member.cpp_type]
    if scalar.choices is not None:
        texts = tuple(dict.fromkeys((*scalar.choices, zero)))
        return replace(scalar, choices=texts, body=" | ".join(map(literal, texts)))
    return replace(scalar, body=f"{scalar.body} | {literal(zero)}", also=zero)
