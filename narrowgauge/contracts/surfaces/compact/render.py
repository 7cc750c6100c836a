"""A message as text of the surface."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.contracts.constraint.fields import is_derived, is_map
from narrowgauge.contracts.proto_json import scalar_text, write_message
from narrowgauge.contracts.surfaces.compact.layout import (
    ITEMS,
    KEYS,
    VALUES,
    Layouts,
    Place,
    any_role,
    field_of,
)
from narrowgauge.contracts.surfaces.compact.words import (
    is_word,
    json_to_word,
    line_text,
    name_text,
)
from narrowgauge.errors import InvalidRequest

__all__ = ["Renderer"]


class Renderer:
    """Writes messages of one contract."""

    def __init__(self, layouts: Layouts) -> None:
        """Makes a renderer.

        Args:
            layouts: The messages' layouts.
        """
        self._layouts = layouts

    def request(self, message: Message) -> str:
        """Writes a request message, of which ProtoJSON can be written.

        Raises:
            InvalidRequest: It lacks a required field or has a value that its rules exclude.
        """
        return self._message(message, closed=False)

    def _message(self, message: Any, *, closed: bool) -> str:
        name = message.DESCRIPTOR.full_name
        layout = self._layouts.messages.get(name)
        if layout is None:
            raise InvalidRequest("UNWRITABLE", f"{name}: it lies deeper than the grammar goes")
        present = {member.name: (member, value) for member, value in message.ListFields()}
        parts = []
        open_groups = set(layout.needed)
        for place in layout.places:
            if place.member.name in present:
                open_groups -= place.groups
                _, value = present.pop(place.member.name)
                parts.append(place.key + self._field(place, value))
            elif place.required:
                raise _unwritable(place.member, "it is required and not set")
        if open_groups:
            raise InvalidRequest(
                "UNWRITABLE", f"{name}: no member of {', '.join(sorted(open_groups))} is set"
            )
        for member, _ in present.values():
            if not is_derived(member):
                raise _unwritable(member, "no value of it is allowed")
        return "".join(parts) + (")" if closed and layout.ends else "")

    def _field(self, place: Place, value: Any) -> str:
        member = place.member
        if is_map(member):
            space = " " if self._layouts.shapes[member.full_name, VALUES].spaced else ""
            return ", ".join(
                f"{self._one(member, KEYS, key)}{space}{self._one(member, VALUES, value[key])}"
                for key in sorted(value)
            )
        if member.is_repeated:
            return (", " if place.spaced else ",").join(self._one(member, ITEMS, item) for item in value)
        text = self._one(member, "", value)
        return f" {text}" if place.own_tag else text

    def _one(self, owner: FieldDescriptor, role: str, value: Any) -> str:
        shape = self._layouts.shapes[owner.full_name, role]
        match shape.kind:
            case "message":
                return self._message(value, closed=True)
            case "any":
                return self._any(owner, role, value)
        member = field_of(owner, role)
        text = write_message(value) if isinstance(value, Message) else scalar_text(member, value)
        if shape.only is not None:
            if text != shape.only:
                raise _unwritable(owner, f"its only value is {shape.only}")
            return ""
        match shape.kind:
            case "word":
                word = json_to_word(member, text)
                if isinstance(value, str) and not is_word(value):
                    raise _unwritable(owner, "its rules allow single words only")
                return word
            case "name":
                return name_text(json.loads(text))
            case "line":
                return line_text(json.loads(text))
        return text

    def _any(self, owner: FieldDescriptor, role: str, value: Any) -> str:
        for held in self._layouts.shapes[owner.full_name, role].types:
            if held.url == value.type_url:
                break
        else:
            raise _unwritable(owner, f"{value.type_url or 'an empty Any'} is none of its types")
        message: Any = GetMessageClass(held.target)()
        message.ParseFromString(value.value)
        word = f" {held.word}" if held.word else ""
        if not held.special:
            return word + self._message(message, closed=True)
        own = any_role(held.target)
        space = " " if self._layouts.shapes[owner.full_name, own].spaced else ""
        return f"{word}{space}{self._one(owner, own, message)}"


def _unwritable(member: FieldDescriptor, reason: str) -> InvalidRequest:
    return InvalidRequest(
        "UNWRITABLE", f"{member.full_name}: {reason}", field_violations=[(member.full_name, reason)]
    )
