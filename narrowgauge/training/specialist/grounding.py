"""Where the values of a call stand in its request, so that both can be changed together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.contracts.constraint.fields import is_derived, is_map, rules_of
from narrowgauge.contracts.constraint.well_known import JSON_KINDS, WRAPPERS
from narrowgauge.training.specialist.spellings import Style, day_styles, number_styles

__all__ = ["Leaf", "Mention", "Place", "enum_words", "leaves_of", "mentions_in"]

Path = tuple[str | int, ...]
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_FLOATS = {FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Leaf:
    """One value of a call.

    Attributes:
        path: Keys and indexes in the call's ProtoJSON.
        kind: `text`, `integer`, `number`, `enum`, `day` or `time` (a timestamp, of which the day is varied).
        value: `str`, `int`, `float`, or `datetime.date`; an enum's name.
        field: Its field; of a wrapper the field `value`.
        rules: The rules of the value, a list's item rules in a list.
        rest: What follows the day in a timestamp.
    """

    path: Path
    kind: str
    value: Any
    field: Any
    rules: Any
    rest: str = ""

    def json(self, value: Any) -> Any:
        """Returns a value of this kind as the call's ProtoJSON has it."""
        if isinstance(value, date):
            return value.isoformat() + self.rest
        wide = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
        return str(value) if self.field.cpp_type in wide else value


@dataclass(frozen=True)
class Place:
    """Where a value stands in the request.

    Attributes:
        begin: Its first character.
        end: The one after its last.
        style: How a number or a day is written; None for text and enums.
        words: As they stand there.
    """

    begin: int
    end: int
    style: Style | None
    words: str


@dataclass(frozen=True)
class Mention:
    """A value that stands literally in the request.

    Attributes:
        leaf: The value.
        places: Where, at least once.
        alone: Whether no other value of the call has these words; otherwise it is not known which is which.
    """

    leaf: Leaf
    places: tuple[Place, ...]
    alone: bool = True


def leaves_of(call: Any, descriptor: Descriptor, path: Path = ()) -> Iterator[Leaf]:
    """Yields the values of a call.

    Args:
        call: Its ProtoJSON, as `write_message` makes it: an object.
        descriptor: The message.
        path: Where the object stands in the call.
    """
    by_name = {field.json_name: field for field in descriptor.fields}
    for name, value in call.items():
        field = by_name[name]
        if is_derived(field) or is_map(field):
            continue
        rules = rules_of(field)
        if field.is_repeated:
            for index, item in enumerate(value):
                yield from _leaf(item, field, rules.repeated.items, (*path, name, index))
        else:
            yield from _leaf(value, field, rules, (*path, name))


def mentions_in(request: str, leaves: Sequence[Leaf]) -> list[Mention]:
    """Finds the values that stand in a request, in the order of the text.

    Where the words of two values overlap, the longer ones are taken.
    """
    found = [Mention(leaf, places) for leaf in leaves if (places := _places(request, leaf))]
    owners: dict[tuple[int, int], int] = Counter((p.begin, p.end) for m in found for p in m.places)
    found.sort(key=lambda mention: mention.places[0].begin - mention.places[0].end)
    taken: list[tuple[int, int]] = []
    kept: list[Mention] = []
    for mention in found:
        free = tuple(
            place
            for place in mention.places
            if not any(place.begin < end and begin < place.end for begin, end in taken)
        )
        if free:
            alone = all(owners[place.begin, place.end] == 1 for place in mention.places)
            taken += [(place.begin, place.end) for place in free]
            kept.append(Mention(mention.leaf, free, alone))
    return sorted(kept, key=lambda mention: mention.places[0].begin)


def enum_words(field: Any, name: str) -> tuple[str, ...]:
    """Returns how people say an enum's value, the usual way first: without the enum's name."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.enum_type.name).upper() + "_"
    bare = name.removeprefix(prefix)
    if bare == name:
        # Of a prefix that is not the enum's own name, only what all values share is left out.
        names = [value.name for value in field.enum_type.values]
        head = names[0].partition("_")[0] + "_"
        if len(names) > 1 and all(other.startswith(head) for other in names):
            bare = name.removeprefix(head)
    words = bare.lower().split("_")
    return tuple(dict.fromkeys((" ".join(words), "-".join(words), name)))


def _leaf(value: Any, field: Any, rules: Any, path: Path) -> Iterator[Leaf]:
    target = field.message_type
    if target is not None:
        if target.full_name in WRAPPERS:
            yield from _leaf(value, target.fields_by_name["value"], rules, path)
        elif target.full_name == "google.protobuf.Timestamp":
            yield Leaf(path, "time", date.fromisoformat(value[:10]), field, rules, value[10:])
        elif target.full_name not in JSON_KINDS and isinstance(value, dict) and "@type" not in value:
            yield from leaves_of(value, target, path)
        return
    if field.cpp_type in _INTEGERS:
        yield Leaf(path, "integer", int(value), field, rules)
    elif field.cpp_type in _FLOATS and not isinstance(value, str):
        yield Leaf(path, "number", float(value), field, rules)
    elif field.type == FieldDescriptor.TYPE_ENUM:
        yield Leaf(path, "enum", value, field, rules)
    elif field.type == FieldDescriptor.TYPE_STRING and value:
        day = _day_of(value)
        yield Leaf(path, "text" if day is None else "day", value if day is None else day, field, rules)


def _day_of(text: str) -> date | None:
    if not _ISO_DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _places(request: str, leaf: Leaf) -> tuple[Place, ...]:
    """Finds a value in each of the ways in which it may be written, the longer words first."""
    candidates: list[tuple[str, Style | None]] = []
    if leaf.kind == "text":
        # One letter is more often a word of its own.
        candidates = [(leaf.value, None)] if len(leaf.value) > 1 else []
    elif leaf.kind == "enum":
        candidates = [(words, None) for words in enum_words(leaf.field, leaf.value)]
    else:
        styles = number_styles if leaf.kind in ("integer", "number") else day_styles
        values = [leaf.value]
        if leaf.kind == "number" and leaf.value.is_integer():
            values.append(int(leaf.value))
        candidates = [
            (words, style)
            for style in styles
            for value in values
            if (words := style.write(value)) is not None
        ]
    candidates.sort(key=lambda candidate: -len(candidate[0]))
    places: list[Place] = []
    for words, style in candidates:
        # A part of a longer word, number, code or date is not the value.
        pattern = rf"(?<![\w.,-])(?<!\d[/:]){re.escape(words)}(?!\w)(?![.,:/-]\w)"
        for match in re.finditer(pattern, request, re.IGNORECASE):
            begin, end = match.span()
            if not any(begin < other.end and other.begin < end for other in places):
                places.append(Place(begin, end, style, match[0]))
    return tuple(sorted(places, key=lambda place: place.begin))
