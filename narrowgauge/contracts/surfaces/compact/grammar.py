"""The grammar of the surface: the walk of `MessageGrammar` with another form for all that it meets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint import well_known
from narrowgauge.contracts.constraint.chain import Chain
from narrowgauge.contracts.constraint.containers import Value
from narrowgauge.contracts.constraint.fields import is_map, writable_any_targets
from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import MessageGrammar
from narrowgauge.contracts.constraint.scalar import Scalar, Unsatisfiable
from narrowgauge.contracts.constraint.strings import StringRule
from narrowgauge.contracts.surfaces.compact.layout import (
    ITEMS,
    KEYS,
    VALUES,
    AnyType,
    Layout,
    Layouts,
    Place,
    Shape,
    any_role,
    field_of,
)
from narrowgauge.contracts.surfaces.compact.words import (
    EMPTY,
    WORD,
    json_to_word,
    name_text,
    only_words,
    short_names,
)

__all__ = ["CompactGrammar"]

_NOTHING = '""'
_QUOTE = '"\\""'
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


class CompactGrammar(MessageGrammar):
    """Adds the rules of messages to a grammar.

    Attributes:
        layouts: How the messages are laid out.
    """

    def __init__(
        self, limits: Limits, closed_sets: Mapping[str, Sequence[str]] | None, layouts: Layouts | None
    ) -> None:
        """Begins a grammar.

        Args:
            limits: Bounds where the contract sets none.
            closed_sets: Values of the closed sets; None when they are not known yet.
            layouts: What a grammar without closed sets has found; None for that grammar itself. A message
                looks the same whatever the closed sets are.
        """
        super().__init__(limits, closed_sets)
        self.layouts = layouts or Layouts()
        self._fixed = layouts is not None

    def _root(self, descriptor: Descriptor) -> str | None:
        # A call ends with its text, so its own message needs no bracket.
        return self._body(descriptor, self._limits.depth, closed=False)

    def _object(self, descriptor: Descriptor, depth: int, head: str, *, opened: bool) -> str | None:
        return self._body(descriptor, depth, closed=True)

    def _body(self, descriptor: Descriptor, depth: int, *, closed: bool) -> str | None:
        members, needed = self._slots(descriptor, depth)
        name = descriptor.full_name
        if name not in self.layouts.messages:
            self.layouts.messages[name] = Layout.of(members, needed, self.layouts.shapes)
        layout = self.layouts.messages[name]
        slots = {member.name: slot for member, slot in members}
        chain = []
        for place in layout.places:
            slot = slots[place.member.name]
            if place.required and slot.value == _NOTHING:
                continue
            value = self._own_tag(place, slot.value) if place.own_tag else slot.value
            chain.append(replace(slot, key=place.key, next_key=place.key, value=value))
        return Chain(self._lark, chain, needed, ")" if closed and layout.ends else "").tail(True)

    def _own_tag(self, place: Place, value: str | None) -> str | None:
        """An enum value with the space before it: apart, the lexer could not tell the space from a tag's."""
        return self._lark.terminal(f'" " {value}') if value is not None else None

    def _written(
        self, member: FieldDescriptor, rules: Any, required: bool, exclude_zero: bool, depth: int
    ) -> Value | None:
        # What is absent is zero or empty: written is what is not. A float's zero has a sign.
        absent = is_map(member) or member.is_repeated or not member.has_presence
        if required or exclude_zero or not absent or (not member.is_repeated and member.cpp_type in _FLOATS):
            return super()._written(member, rules, required, exclude_zero, depth)
        try:
            return self._field(member, rules, True, depth)
        except Unsatisfiable:
            super()._written(member, rules, required, exclude_zero, depth)  # raises where nothing is allowed
            return None

    def _items(self, member: FieldDescriptor, item: str, low: int, high: int) -> str:
        between = '", "' if self.layouts.shapes[member.full_name, ITEMS].spaced else '","'
        return self._several(item, between, low, high)

    def _unique_items(self, member: FieldDescriptor, choices: Sequence[str], low: int, high: int) -> str:
        shape = self.layouts.shapes[member.full_name, ITEMS]
        if shape.only is not None:
            return _NOTHING
        texts = [literal(self._text(member, ITEMS, shape, choice)) for choice in choices]
        return self._lark.unique_list(texts, low, high, begin="", between=", ", end="")

    def _pairs(self, member: FieldDescriptor, key: str, value: str, low: int, high: int) -> str:
        space = '" " ' if self.layouts.shapes[member.full_name, VALUES].spaced else ""
        return self._several(self._lark.rule(f"{key} {space}{value}"), '", "', low, high)

    def _enumerated_map(
        self, member: FieldDescriptor, keys: Sequence[str], value: str, low: int, high: int
    ) -> str:
        shape = self.layouts.shapes[member.full_name, KEYS]
        space = " " if self.layouts.shapes[member.full_name, VALUES].spaced else ""

        def key_text(first: bool, key: str) -> str:
            return ("" if first else ", ") + self._text(member, KEYS, shape, key) + space

        return self._chosen_keys(keys, low, high, key_text, value, "")

    def _several(self, item: str, between: str, low: int, high: int) -> str:
        if high == 1:
            return item
        return self._lark.rule(f"{item} ({between} {item}){{{max(low - 1, 0)},{high - 1}}}")

    def _text(self, owner: FieldDescriptor, role: str, shape: Shape, text: str) -> str:
        """The surface's text of one of a value's choices, given as JSON text."""
        if shape.kind == "name":
            return name_text(json.loads(text))
        return json_to_word(field_of(owner, role), text) if shape.kind == "word" else text

    def _value_of(self, owner: FieldDescriptor, scalar: Scalar, path: str, *, choices: bool = True) -> Value:
        role = path.rpartition(".")[0]
        shape, body = self._spelled(owner, role, scalar)
        shape = self._note_shape(owner, role, shape)
        self.coverage.cover(owner, scalar.claims, scalar.left, path)
        if scalar.may_be_empty and self._lark.matches_nothing(self._lark.terminal(body)):
            raise Unsatisfiable("no value satisfies its rules")
        found = scalar.choices if choices else None
        return Value(_NOTHING if shape.only is not None else self._lark.terminal(body), found)

    def _spelled(self, owner: FieldDescriptor, role: str, scalar: Scalar) -> tuple[Shape, str]:
        """How a value is written, and its expression."""
        only = scalar.choices[0] if scalar.choices and len(scalar.choices) == 1 and role != KEYS else None
        if scalar.rule is not None and scalar.choices is None:
            return _free_text(scalar.rule, scalar.also is not None)
        if not scalar.word and scalar.rule is None:
            return Shape("json", only), scalar.body
        shape = Shape("word" if scalar.word else "name", only)
        if scalar.choices is None:
            return shape, _unquoted(scalar.body)
        texts = [self._text(owner, role, shape, choice) for choice in scalar.choices]
        return shape, " | ".join(map(literal, texts))

    def _any_name(self, owner: FieldDescriptor, rule: StringRule, path: str) -> Value:
        self._note_shape(owner, path.rpartition(".")[0], Shape("name"))
        inner, _ = rule.inner()
        return Value(self._lark.terminal(f"(({inner} & /{WORD}/) | {_QUOTE} {inner} {_QUOTE})"))

    def _names(self, owner: FieldDescriptor, values: Sequence[str], path: str) -> Value:
        self._note_shape(owner, path.rpartition(".")[0], Shape("name"))
        base = super()._names(owner, values, path)
        return Value(
            self._lark.terminal(" | ".join(literal(name_text(value)) for value in values)), base.choices
        )

    def _message_value(
        self, target: Descriptor, rules: Any, path: str, depth: int, owner: FieldDescriptor
    ) -> Value | None:
        name = target.full_name
        kind: Literal["json", "message"] = "json" if name in well_known.JSON_KINDS else "message"
        if name not in well_known.WRAPPERS and name != "google.protobuf.Any":
            self._note_shape(owner, path.rpartition(".")[0], Shape(kind))
        return super()._message_value(target, rules, path, depth, owner)

    def _any(self, owner: FieldDescriptor, rules: Any, path: str, depth: int) -> Value | None:
        shape = self._note_shape(owner, path.rpartition(".")[0], self._any_shape(owner, rules, path, depth))
        self.coverage.cover(
            owner, {name for name in ("in", "not_in") if getattr(rules, name)}, {}, f"{path}any"
        )
        symbols = []
        for held in shape.types:
            value = self._held(owner, held, depth)
            if value is not None:
                symbols.append(f"{literal(f' {held.word}')} {value}" if held.word else value)
        return Value(self._lark.rule(" | ".join(symbols))) if symbols else None

    def _any_shape(self, owner: FieldDescriptor, rules: Any, path: str, depth: int) -> Shape:
        targets = writable_any_targets(owner, rules, self._limits)
        names = [target.name for _, target in targets]
        if len(set(names)) < len(names):
            names = [url for url, _ in targets]
        words = short_names(names) if len(names) > 1 else [""]
        types = []
        for word, (url, target) in zip(words, targets, strict=True):
            special = self._well_known(
                target, validate_pb2.FieldRules(), f"{any_role(target)}.", depth - 1, owner
            )
            types.append(AnyType(word, url, target, special is not False))
        return Shape("any", types=tuple(types))

    def _held(self, owner: FieldDescriptor, held: AnyType, depth: int) -> str | None:
        if not held.special:
            below = self._below(owner, held.target, depth)
            return self._message(held.target, below) if below >= 0 else None
        role = any_role(held.target)
        value = self._well_known(held.target, validate_pb2.FieldRules(), f"{role}.", depth - 1, owner)
        if not value:
            return None
        if held.target.full_name in well_known.JSON_KINDS:
            self._note_shape(owner, role, Shape("json"))
        return f'" " {value.symbol}' if self.layouts.shapes[owner.full_name, role].spaced else value.symbol

    def _note_shape(self, owner: FieldDescriptor, role: str, shape: Shape) -> Shape:
        """Notes how a value is written, unless it is settled; returns what holds."""
        if self._fixed:
            return self.layouts.shapes[owner.full_name, role]
        self.layouts.shapes[owner.full_name, role] = shape
        return shape


def _unquoted(body: str) -> str:
    """An expression of JSON texts without their quotes, which stand nowhere inside of words."""
    return body.replace(f"{_QUOTE} ", "").replace(f" {_QUOTE}", "").replace('\\"', "")


def _free_text(rule: StringRule, may_be_empty: bool) -> tuple[Shape, str]:
    may_be_empty |= rule.admits("")
    if rule.high == 0:
        return Shape("line"), f'{literal(EMPTY)} "\\n"'
    inner, _ = replace(rule, low=max(rule.low, 1)).inner()
    # Without a pattern a string may have spaces, so nothing need be asked.
    if rule.patterns and not may_be_empty and only_words(inner):
        return Shape("word"), inner
    if may_be_empty:
        inner = f"({inner} | {literal(EMPTY)})"
    return Shape("line"), f'{inner} "\\n"'
