"""The layout of messages: which fields are written where, how, and behind which tag.

Fields that every call writes come first, in number order, and need no tag. The others follow in number
order, each behind its tag: a word of its name that no sibling has. An enum value that may be absent is its
own tag where no sibling's tag is the same word. What can have one value only is not written. A message in
which something may follow ends with a bracket; one whose end is known does not.

Read by the grammar, the parser and the renderer alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.contracts.constraint.chain import Slot
from narrowgauge.contracts.constraint.fields import is_map
from narrowgauge.contracts.surfaces.compact.words import enum_words, short_names

__all__ = [
    "ITEMS",
    "KEYS",
    "VALUES",
    "AnyType",
    "Layout",
    "Layouts",
    "Place",
    "Shape",
    "any_role",
    "field_of",
]

ITEMS, KEYS, VALUES = "repeated.items", "map.keys", "map.values"
"""Roles of values in their field, as paths of protovalidate rules; the role of a single value is empty."""

Kind = Literal["word", "name", "line", "json", "message", "any"]
_TAG = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class AnyType:
    """A type that an `Any` may hold.

    Attributes:
        word: Its name; empty when there is no other type.
        url: Its type URL.
        target: The message.
        special: It has a JSON form of its own.
    """

    word: str
    url: str
    target: Descriptor
    special: bool


@dataclass(frozen=True)
class Shape:
    """How one value is written.

    Attributes:
        kind: `word`: bare; `name`: bare where it is a word and as a JSON string elsewhere; `line`: to the end
            of the line; `json`: as JSON; `message`: as its fields; `any`: as its type and that one's fields.
        only: JSON text of the only value; it is not written.
        types: Of an `any`.
    """

    kind: Kind
    only: str | None = None
    types: tuple[AnyType, ...] = ()

    @property
    def spaced(self) -> bool:
        """A space stands before the value; fields of a message have their own."""
        return self.only is None and self.kind not in ("message", "any")


@dataclass(frozen=True)
class Place:
    """A field in its message.

    Attributes:
        member: The field.
        required: It is always written, without a tag.
        tag: Its tag; empty for a required field, and for an enum value that is its own.
        spaced: A space stands before its value.
        groups: Groups (oneofs) of which one member is written at most.
    """

    member: FieldDescriptor
    required: bool
    tag: str
    spaced: bool
    groups: frozenset[str]

    @property
    def own_tag(self) -> bool:
        """Its value is its own tag."""
        return not self.required and not self.tag

    @property
    def key(self) -> str:
        """What stands before the value."""
        if self.own_tag:
            return ""
        return (f" {self.tag}" if self.tag else "") + (" " if self.spaced else "")


@dataclass(frozen=True)
class Layout:
    """The fields of a message in the order in which they are written.

    Attributes:
        places: Required fields, then all others.
        needed: Groups of which one member must be written.
        ends: A bracket ends the message.
    """

    places: tuple[Place, ...]
    needed: frozenset[str]
    ends: bool

    @property
    def never_empty(self) -> bool:
        """Something is always written."""
        return bool(self.needed) or any(place.required and place.spaced for place in self.places)

    @classmethod
    def of(
        cls,
        members: Iterable[tuple[FieldDescriptor, Slot]],
        needed: Collection[str],
        shapes: Mapping[tuple[str, str], Shape],
    ) -> Layout:
        """Lays out a message.

        Args:
            members: Its fields with their slots in the grammar.
            needed: Groups of which one member must be written.
            shapes: How values are written, by the field's full name and the role.
        """
        known = [
            (member, slot) for member, slot in members if (member.full_name, _first_role(member)) in shapes
        ]
        tagged = [(member, slot) for member, slot in known if not slot.required]
        tags = dict(
            zip(
                (member.name for member, _ in tagged),
                short_names([member.name for member, _ in tagged]),
                strict=True,
            )
        )
        own = _own_tags([member for member, _ in tagged], tags, shapes)
        places = []
        for member, slot in sorted(known, key=lambda pair: not pair[1].required):
            tag = "" if slot.required or member.name in own else tags[member.name]
            spaced = shapes[member.full_name, _first_role(member)].spaced
            places.append(Place(member, slot.required, tag, spaced, slot.groups))
        return cls(tuple(places), frozenset(needed), _ends(places, frozenset(needed)))


@dataclass
class Layouts:
    """The layouts of all messages of a contract.

    Attributes:
        messages: By the message's full name.
        shapes: By the field's full name and the role of the value in it.
    """

    messages: dict[str, Layout] = field(default_factory=dict)
    shapes: dict[tuple[str, str], Shape] = field(default_factory=dict)


def any_role(target: Descriptor) -> str:
    """Returns the role of a message with a JSON form of its own in an `Any`."""
    return f"@{target.full_name}"


def field_of(owner: FieldDescriptor, role: str) -> FieldDescriptor:
    """Returns the field that describes a value: a map's values and keys have their own."""
    entry: Any = owner.message_type
    if role in (KEYS, VALUES):
        found: FieldDescriptor = entry.fields_by_name["key" if role == KEYS else "value"]
        return found
    return owner


def _first_role(member: FieldDescriptor) -> str:
    if is_map(member):
        return KEYS
    return ITEMS if member.is_repeated else ""


def _own_tags(
    members: list[FieldDescriptor], tags: Mapping[str, str], shapes: Mapping[tuple[str, str], Shape]
) -> set[str]:
    """Names of the enum fields of which every value can stand as its own tag."""
    taken = set(tags.values())
    own = set()
    for member in members:
        enum: Any = member.enum_type
        if enum is None or member.is_repeated or shapes[member.full_name, ""].only is not None:
            continue
        words = {word for number, word in enum_words(enum).items() if number or member.has_presence}
        if not words & taken and all(map(_TAG.fullmatch, words)):
            taken |= words
            own.add(member.name)
    return own


def _ends(places: list[Place], needed: frozenset[str]) -> bool:
    tagged = [place for place in places if not place.required]
    if any(not place.groups & needed for place in tagged):
        return True
    # What may stand last; after a list a comma could be the next item or the next message.
    return any(place.member.is_repeated for place in tagged or places[-1:])
