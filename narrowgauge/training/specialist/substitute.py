"""Other values that a field may have, of the kind of the value that an example has."""

from __future__ import annotations

import random
import re
import string
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from narrowgauge.contracts.constraint.fields import values_from
from narrowgauge.contracts.draw import (
    admits_text,
    allowed_enum,
    draw_integer,
    draw_text,
    integer_bounds,
    integer_rules,
)
from narrowgauge.training.specialist.entities import draw_entity, kind_of
from narrowgauge.training.specialist.grounding import Leaf, Mention, Place, enum_words
from narrowgauge.training.specialist.spellings import number_styles
from narrowgauge.v1 import options_pb2

__all__ = ["Pool", "another_value", "pool_of", "words_of"]

_ATTEMPTS = 20
_DAYS_AROUND = 200

Pool = Mapping[str, Sequence[str]]
"""Texts by their field's full name that examples have, for fields whose values no rule describes."""


def another_value(leaf: Leaf, rng: random.Random, pool: Pool) -> Any | None:
    """Draws another value for a field; None where nothing says what else it could be.

    Args:
        leaf: The value that the example has.
        rng: Chooses.
        pool: Values of the same field in other examples.
    """
    match leaf.kind:
        case "integer":
            return _integer(leaf, rng)
        case "number":
            return _number(leaf, rng)
        case "enum":
            names = {value.number: value.name for value in leaf.field.enum_type.values}
            others = [names[number] for number in allowed_enum(leaf.field, leaf.rules)]
            return _other(others, leaf.value, rng)
        case "day" | "time":
            return leaf.value + timedelta(days=rng.choice((-1, 1)) * rng.randint(1, _DAYS_AROUND))
    return _text(leaf, rng, pool)


def words_of(mention: Mention, place: Place, value: Any) -> str | None:
    """Writes another value as the example's was written there; None where that style has no words for it."""
    leaf = mention.leaf
    if leaf.kind == "enum":
        index = enum_words(leaf.field, leaf.value).index(_said(leaf, place))
        words = enum_words(leaf.field, value)
        return _like(place.words, words[min(index, len(words) - 1)])
    if leaf.kind == "text":
        return _like(place.words, value) if place.words != leaf.value else str(value)
    assert place.style is not None
    text = place.style.write(value)
    if text is None and leaf.kind in ("integer", "number"):
        # Few numbers are dozens, and large ones are not said in words.
        text = number_styles[0].write(value)
    return text


def _said(leaf: Leaf, place: Place) -> str:
    return next(w for w in enum_words(leaf.field, leaf.value) if w.casefold() == place.words.casefold())


def _like(model: str, text: str) -> str:
    """Gives a text the letter case of another one."""
    if model.isupper() and len(model) > 1:
        return text.upper()
    if model.islower():
        return text.lower()
    if model.istitle():
        return string.capwords(text)
    return text


def _other(values: Sequence[str], than: str, rng: random.Random) -> str | None:
    others = [value for value in dict.fromkeys(values) if value.casefold() != than.casefold()]
    return rng.choice(others) if others else None


def _integer(leaf: Leaf, rng: random.Random) -> int | None:
    low, high = integer_bounds(leaf.field, leaf.rules)
    own = integer_rules(leaf.field, leaf.rules)
    for _ in range(_ATTEMPTS):
        if own.HasField("const") or getattr(own, "in"):
            drawn = draw_integer(leaf.field, leaf.rules, rng)
        else:
            # Numbers of the same length are as usual for this field as the example's own, shorter ones too.
            digits = len(str(abs(leaf.value))) - rng.choice((0, 0, 0, 1, -1))
            most = 10 ** max(1, digits) - 1
            drawn = rng.randint(max(low, min(10 ** max(0, digits - 1), high)), max(low, min(most, high)))
            drawn = -drawn if leaf.value < 0 and low <= -drawn else drawn
        if drawn != leaf.value and drawn not in own.not_in:
            return drawn
    return None


def _number(leaf: Leaf, rng: random.Random) -> float | None:
    single = leaf.field.type == FieldDescriptor.TYPE_FLOAT
    own = leaf.rules.float if single else leaf.rules.double
    if listed := list(getattr(own, "in")):
        others = [value for value in listed if value != leaf.value]
        return rng.choice(others) if others else None
    less, greater = own.WhichOneof("less_than"), own.WhichOneof("greater_than")
    low = getattr(own, greater) if greater else min(0.0, 3 * leaf.value)
    high = getattr(own, less) if less else max(1.0, 3 * abs(leaf.value))
    if low > high:
        return None
    places = len(repr(leaf.value).partition(".")[2].rstrip("0")) if abs(leaf.value) < 1e15 else 0
    # A 32-bit number has about seven digits; more would not be what the request says.
    drawn = round(rng.uniform(low, high), min(places, 6))
    return drawn if drawn != leaf.value and (not single or abs(drawn) < 1e6) else None


def _text(leaf: Leaf, rng: random.Random, pool: Pool) -> str | None:
    rules, value = leaf.rules, leaf.value
    name = leaf.field.full_name
    if listed := list(getattr(rules.string, "in")):
        return _other(listed, value, rng)
    if values_from(leaf.field):  # a name that the environment must have: only those of the examples are known
        return _other(pool.get(name, ()), value, rng)
    for _ in range(_ATTEMPTS):
        drawn = _drawn_text(leaf, rng, pool)
        if drawn is not None and drawn.casefold() != value.casefold() and admits_text(rules, drawn):
            return drawn
    return None


def _drawn_text(leaf: Leaf, rng: random.Random, pool: Pool) -> str | None:
    value, rules = leaf.value, leaf.rules.string
    if rules.pattern or rules.WhichOneof("well_known"):
        # A code of the same shape is likelier than any other that the pattern has.
        shaped = _same_shape(value, rng)
        return shaped if rng.random() < 0.7 else draw_text(leaf.rules, rng)
    if re.search(r"\d", value) and " " not in value:
        return _same_shape(value, rng)
    description = leaf.field.GetOptions().Extensions[options_pb2.value].description
    kind = kind_of(leaf.field.name, description, value)
    known = pool.get(leaf.field.full_name, ())
    if kind is not None and (rng.random() < 0.7 or len(known) < 2):
        return _like(value, draw_entity(kind, rng))
    return _other(known, value, rng)


def _same_shape(text: str, rng: random.Random) -> str:
    """Draws each letter and digit anew, as what it is."""
    drawn = []
    for char in text:
        if char in string.digits:
            drawn.append(rng.choice(string.digits))
        elif char in string.ascii_uppercase:
            drawn.append(rng.choice(string.ascii_uppercase))
        elif char in string.ascii_lowercase:
            drawn.append(rng.choice(string.ascii_lowercase))
        else:
            drawn.append(char)
    return "".join(drawn)


def pool_of(mentions: Sequence[Mention]) -> Pool:
    """Collects the texts of free fields that stand in their requests."""
    found: dict[str, list[str]] = defaultdict(list)
    for mention in mentions:
        if mention.leaf.kind == "text":
            found[mention.leaf.field.full_name].append(mention.leaf.value)
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}
