"""Grammars of messages as ProtoJSON (https://protobuf.dev/programming-guides/json/).

`MessageGrammar` walks a request message and writes a rule for each message and depth of recursion, with the
values that the fields' rules allow; `chain` says which field may follow which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint import well_known
from narrowgauge.contracts.constraint.chain import Chain, Slot
from narrowgauge.contracts.constraint.containers import ContainerGrammar, Value
from narrowgauge.contracts.constraint.field_scalars import field_scalar, with_zero
from narrowgauge.contracts.constraint.fields import (
    children,
    is_derived,
    is_map,
    refuse,
    rules_of,
    values_from,
    writable_any_targets,
)
from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.recursion import Cycles
from narrowgauge.contracts.constraint.scalar import Scalar, Unsatisfiable
from narrowgauge.contracts.constraint.scalars import string_scalar
from narrowgauge.contracts.constraint.strings import StringRule, json_text, string_rule
from narrowgauge.contracts.validate import default_violations

__all__ = ["MessageGrammar"]

_NO_REQUESTS = (
    well_known.WRAPPERS
    | well_known.JSON_KINDS
    | {f"google.protobuf.{name}" for name in ("Any", "Duration", "FieldMask", "Timestamp")}
)


class MessageGrammar(ContainerGrammar):
    """Adds the rules of messages to a grammar."""

    def __init__(self, limits: Limits, closed_sets: Mapping[str, Sequence[str]] | None) -> None:
        """Begins a grammar; see `ContainerGrammar`."""
        super().__init__(limits, closed_sets)
        self._objects: dict[tuple[str, int], str | None] = {}

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
            entry: Any = member.message_type
            key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
            keys = self._single(key, rules.map.keys, "map.keys.", False, depth, owner=member)
            values = self._single(value, rules.map.values, "map.values.", False, depth, owner=member)
            return self._map(member, rules.map, keys, values, exclude_zero)
        if member.is_repeated:
            item = self._single(member, rules.repeated.items, "repeated.items.", False, depth)
            return self._list(member, rules.repeated, item, exclude_zero)
        return self._single(member, rules, "", exclude_zero, depth)

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
        scalar = field_scalar(
            member, rules, self._limits, self.coverage, exclude_zero=exclude_zero, quoted=quoted
        )
        if (
            rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
            and not exclude_zero
            and (path or not member.has_presence)  # with presence, protovalidate checks a zero that is set
        ):
            scalar = with_zero(member, scalar)
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
        self.coverage.cover(owner, rule.claims, rule.left, f"{path}string")
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
            scalar = field_scalar(target.fields_by_name["value"], rules, self._limits, self.coverage)
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
        targets = writable_any_targets(owner, rules, self._limits)
        self.coverage.cover(
            owner, {name for name in ("in", "not_in") if getattr(rules, name)}, {}, f"{path}any"
        )
        symbols = []
        for url, target in targets:
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
        self.coverage.cover(owner, scalar.claims, scalar.left, path)
        name = self._lark.terminal(scalar.body)
        if scalar.may_be_empty and self._lark.matches_nothing(name):
            raise Unsatisfiable("no value satisfies its rules")
        return Value(name, scalar.choices if choices else None)
