"""Draws messages and values that a contract's rules allow, for examples that nobody wrote."""

from __future__ import annotations

import base64
import math
import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint.fields import is_derived, is_map, rules_of, values_from
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.re2 import Pattern
from narrowgauge.contracts.constraint.re2_syntax import Inexpressible
from narrowgauge.contracts.constraint.strings import FORMATS, StringRule, string_rule
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.contracts.validate import default_violations, violations

__all__ = [
    "admits_text",
    "allowed_enum",
    "draw_integer",
    "draw_message",
    "draw_text",
    "integer_bounds",
    "integer_rules",
]

_ATTEMPTS = 40
_LIMITS = Limits()
_INTEGER_RULES = {
    FieldDescriptor.TYPE_INT32: ("int32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: ("int64", -(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: ("uint32", 0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: ("uint64", 0, 2**64 - 1),
    FieldDescriptor.TYPE_SINT32: ("sint32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT64: ("sint64", -(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_FIXED32: ("fixed32", 0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: ("fixed64", 0, 2**64 - 1),
    FieldDescriptor.TYPE_SFIXED32: ("sfixed32", -(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED64: ("sfixed64", -(2**63), 2**63 - 1),
}
# Small numbers are what people ask for where a contract sets no bounds.
_USUAL_LOW, _USUAL_HIGH = 1, 100
_FIRST_DAY, _DAYS = datetime(2026, 1, 1, tzinfo=UTC), 700
_EMAIL_NAMES = ("anna.berg", "j.ortiz", "lee", "m.kowalski", "sales", "priya.nair", "t.okafor", "support")
_EMAIL_HOSTS = ("example.com", "example.org", "mail.example.net")


def draw_message(
    descriptor: Descriptor, rng: random.Random, *, closed_sets: ClosedSets | None = None, full: float = 0.7
) -> Message | None:
    """Draws a valid message.

    Args:
        descriptor: Its type.
        rng: Chooses.
        closed_sets: Values of the closed sets that fields name.
        full: How often an optional field is set, from 0 to 1.

    Returns:
        A message without violations; None when none of many draws was one, which rules that compare fields
        can lead to.
    """
    for attempt in range(_ATTEMPTS):
        message = GetMessageClass(descriptor)()
        # What fails with many fields may hold with few, and the other way round.
        _fill(message, rng, closed_sets or {}, full if attempt % 2 == 0 else rng.random(), _LIMITS.depth)
        if not violations(message):
            return message
    return None


def integer_rules(field: FieldDescriptor, rules: Any) -> Any:
    """Returns the rules of an integer field's own type, for example `buf.validate.Int32Rules`."""
    return getattr(rules, _INTEGER_RULES[field.type][0])


def integer_bounds(field: FieldDescriptor, rules: Any) -> tuple[int, int]:
    """Returns the lowest and highest value of an integer field; bounds that cross are left to validation."""
    _, low, high = _INTEGER_RULES[field.type]
    own = integer_rules(field, rules)
    less, greater = own.WhichOneof("less_than"), own.WhichOneof("greater_than")
    most = getattr(own, less) - (less == "lt") if less else high
    least = getattr(own, greater) + (greater == "gt") if greater else low
    return (least, most) if least <= most else (low, high)


def draw_integer(field: FieldDescriptor, rules: Any, rng: random.Random) -> int:
    """Draws an integer that the field's rules allow, a small one where they set no bounds."""
    own = integer_rules(field, rules)
    if own.HasField("const"):
        return int(own.const)
    if listed := list(getattr(own, "in")):
        return int(rng.choice(listed))
    low, high = integer_bounds(field, rules)
    usual_low, usual_high = max(low, min(_USUAL_LOW, high)), min(high, max(_USUAL_HIGH, low + _USUAL_HIGH))
    drawn = rng.randint(usual_low, usual_high)
    while drawn in own.not_in and usual_high - usual_low > len(own.not_in):
        drawn = rng.randint(usual_low, usual_high)
    return drawn


def allowed_enum(field: FieldDescriptor, rules: Any) -> list[int]:
    """Returns the numbers that an enum field may have, without the zero that says nothing."""
    own = rules.enum
    within = set(getattr(own, "in"))
    enum: Any = field.enum_type
    return [
        value.number
        for value in enum.values
        if (not within or value.number in within)
        and value.number not in own.not_in
        and (not own.HasField("const") or value.number == own.const)
        and value.number != 0
    ]


def admits_text(rules: Any, text: str) -> bool:
    """Says whether the constraint has a text for a string field with these rules."""
    return string_rule(rules.string, _LIMITS).admits(text)


def draw_text(rules: Any, rng: random.Random, words: tuple[str, ...] = ("sample",)) -> str:
    """Draws a text that a string field's rules allow, as far as the constraint knows them.

    Args:
        rules: The field's rules.
        rng: Chooses.
        words: Taken where the rules ask for nothing in particular.
    """
    rule = string_rule(rules.string, _LIMITS)
    if rule.values is not None:
        return rng.choice(rule.allowed(rule.values) or [""])
    fitting = rule.allowed(words)
    if fitting:
        return rng.choice(fitting)
    for _ in range(_ATTEMPTS):
        text = _shaped(rules.string, rule, rng)
        if rule.admits(text):
            return text
    return ""


def _shaped(given: Any, rule: StringRule, rng: random.Random) -> str:
    form = given.WhichOneof("well_known")
    if form == "email":
        return f"{rng.choice(_EMAIL_NAMES)}@{rng.choice(_EMAIL_HOSTS)}"
    if form in ("uri", "uri_ref"):
        return f"https://example.com/{rng.choice(_EMAIL_NAMES)}"
    if form in ("hostname", "address"):
        return f"{rng.choice(('db', 'mail', 'build', 'edge'))}-{rng.randint(1, 40)}.example.com"
    if form in ("ip", "ipv4"):
        return f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    expression = given.pattern or (f"^(?:{FORMATS[form]})$" if form in FORMATS else "")
    text = str(given.prefix + given.contains + given.suffix)
    if expression:
        try:
            text = Pattern(expression).draw(rng)
        except Inexpressible:
            return ""
    while len(text) < rule.low:
        middle = len(given.prefix)
        text = text[:middle] + rng.choice(string.ascii_lowercase) + text[middle:]
    return text[: rule.high]


def _fill(message: Any, rng: random.Random, sets: ClosedSets, full: float, depth: int) -> None:
    descriptor = message.DESCRIPTOR
    if _fill_well_known(message, rng):
        return
    needed = default_violations(descriptor)
    chosen = {oneof.name: rng.choice(_choosable(oneof)) for oneof in descriptor.oneofs if _choosable(oneof)}
    for field in descriptor.fields:
        group = field.containing_oneof
        rules = rules_of(field)
        if is_derived(field) or field.name == "unanswerable":
            continue
        if group is not None and len(group.fields) > 1:
            wanted = chosen.get(group.name) is field and (
                group.GetOptions().Extensions[validate_pb2.oneof].required or rng.random() < full
            )
        else:
            wanted = field.is_required or rules.required or field.name in needed or rng.random() < full
        if wanted and (depth > 0 or field.message_type is None):
            _set(message, field, rules, rng, sets, full, depth)


def _choosable(oneof: Any) -> list[FieldDescriptor]:
    return [field for field in oneof.fields if field.name != "unanswerable"]


def _set(
    message: Any, field: Any, rules: Any, rng: random.Random, sets: ClosedSets, full: float, depth: int
) -> None:
    if is_map(field):
        low, high = rules.map.min_pairs, rules.map.max_pairs if rules.map.HasField("max_pairs") else 2
        pairs = getattr(message, field.name)
        key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for _ in range(rng.randint(max(1, low), max(1, low, min(high, low + 2)))):
            key = _scalar(key_field, rules.map.keys, rng, sets, values_from(field))
            if value_field.message_type is None:
                pairs[key] = _scalar(value_field, rules.map.values, rng, sets, "")
            else:
                _fill(pairs[key], rng, sets, full, depth - 1)
    elif field.is_repeated:
        own = rules.repeated
        low, high = own.min_items, own.max_items if own.HasField("max_items") else own.min_items + 3
        items = getattr(message, field.name)
        for _ in range(rng.randint(max(1, low), max(1, low, min(high, low + 3)))):
            if field.message_type is None:
                drawn = _scalar(field, own.items, rng, sets, values_from(field))
                if not (own.unique and drawn in items):
                    items.append(drawn)
            else:
                _fill(items.add(), rng, sets, full, depth - 1)
    elif field.message_type is None:
        setattr(message, field.name, _scalar(field, rules, rng, sets, values_from(field)))
    else:
        inner = getattr(message, field.name)
        inner.SetInParent()
        if "value" in field.message_type.fields_by_name and field.message_type.full_name.endswith("Value"):
            wrapped = field.message_type.fields_by_name["value"]
            if wrapped.message_type is None:
                inner.value = _scalar(wrapped, rules, rng, sets, "")
                return
        _fill(inner, rng, sets, full, depth - 1)


def _fill_well_known(message: Any, rng: random.Random) -> bool:
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Timestamp":
            message.FromDatetime(_FIRST_DAY + timedelta(days=rng.randrange(_DAYS), hours=rng.randrange(24)))
        case "google.protobuf.Duration":
            message.seconds = rng.choice((60, 300, 900, 1800, 3600, 7200, 86400))
        case "google.protobuf.Struct":
            message.update({"note": "sample"})
        case "google.protobuf.Value":
            message.string_value = "sample"
        case "google.protobuf.ListValue":
            message.extend(["sample"])
        case "google.protobuf.FieldMask" | "google.protobuf.Any":
            pass  # empty ones are valid where no rule says more
        case _:
            return False
    return True


def _scalar(field: Any, rules: Any, rng: random.Random, sets: ClosedSets, set_name: str) -> Any:
    if set_name and sets.get(set_name):
        return rng.choice(list(sets[set_name]))
    if field.type in _INTEGER_RULES:
        return draw_integer(field, rules, rng)
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return draw_text(rules, rng)
        case FieldDescriptor.TYPE_BYTES:
            size = max(rules.bytes.min_len, rules.bytes.len, 3)
            return base64.b64encode(rng.randbytes(size))[:size]
        case FieldDescriptor.TYPE_BOOL:
            return rules.bool.const if rules.bool.HasField("const") else rng.random() < 0.7
        case FieldDescriptor.TYPE_ENUM:
            return rng.choice(allowed_enum(field, rules) or [0])
    return _number(rules.float if field.type == FieldDescriptor.TYPE_FLOAT else rules.double, rng)


def _number(own: Any, rng: random.Random) -> float:
    if own.HasField("const"):
        return float(own.const)
    if listed := list(getattr(own, "in")):
        return float(rng.choice(listed))
    less, greater = own.WhichOneof("less_than"), own.WhichOneof("greater_than")
    low = float(getattr(own, greater)) if greater else -math.inf
    high = float(getattr(own, less)) if less else math.inf
    low = low if math.isfinite(low) else min(0.0, high - 100.0)
    high = high if math.isfinite(high) else low + 100.0
    # Two places are what people say; a narrow range needs what it needs.
    drawn = rng.uniform(low, high)
    return round(drawn, 2) if high - low > 1 else drawn
