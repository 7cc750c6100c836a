"""Text of the surface as ProtoJSON, by recursive descent over the layouts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.contracts.constraint.fields import is_map
from narrowgauge.contracts.constraint.strings import json_text
from narrowgauge.contracts.constraint.well_known import WRAPPERS
from narrowgauge.contracts.surfaces.compact.layout import (
    ITEMS,
    KEYS,
    VALUES,
    Layouts,
    Place,
    any_role,
    field_of,
)
from narrowgauge.contracts.surfaces.compact.words import EMPTY, enum_words, is_word
from narrowgauge.contracts.surfaces.text_cursor import TextCursor

__all__ = ["Reader"]

_WORD = re.compile(r"[^\s,)]+")
_IDENTIFIER = re.compile(r" ([A-Za-z0-9_]+)(?![^\s,)])")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_JSON = json.JSONDecoder()
# Far beyond any grammar's depth; without it a hostile text could exhaust the stack.
_MOST_NESTED = 100


class Reader(TextCursor):
    """Reads one text."""

    def __init__(self, text: str, layouts: Layouts) -> None:
        """Begins to read.

        Args:
            text: The text.
            layouts: The messages' layouts.
        """
        super().__init__(text)
        self._layouts = layouts
        self._nested = 0

    def method(self, names: Sequence[str]) -> int:
        """Reads the name of a method and returns its place among `names`.

        Raises:
            InvalidRequest: Another word stands there.
        """
        found = _IDENTIFIER.match(self.text, self.at)
        if found is None or found[1] not in names:
            self.expected(f"one of {', '.join(names)}")
        self.at = found.end()
        return names.index(found[1])

    def request(self, descriptor: Descriptor) -> str:
        """Reads a request message up to the end of the text and returns its ProtoJSON.

        Raises:
            InvalidRequest: The text is none, with the place.
        """
        text = self._message(descriptor, closed=False)
        if self.at != len(self.text):
            self.expected("the end")
        return "{" + text + "}"

    def _message(self, descriptor: Descriptor, *, closed: bool) -> str:
        """The members of a message's ProtoJSON, without braces."""
        layout = self._layouts.messages.get(descriptor.full_name)
        self._nested += 1
        if layout is None or self._nested > _MOST_NESTED:
            self.expected("no deeper message")
        members = [self._member(place) for place in layout.places if place.required]
        tagged = [place for place in layout.places if not place.required]
        used: set[str] = set()
        while True:
            needed = layout.needed - used
            if not needed and not layout.ends:
                break
            if closed and layout.ends and not needed and self.take(")"):
                break
            if not closed and not needed and self.at == len(self.text):
                break
            place = self._tagged(tagged, used)
            # In their order, each once.
            del tagged[: tagged.index(place) + 1]
            used |= place.groups
            members.append(self._member(place))
        self._nested -= 1
        return ",".join(members)

    def _tagged(self, places: Sequence[Place], used: set[str]) -> Place:
        """The field that the next word begins; its tag is read, an enum value not."""
        found = _IDENTIFIER.match(self.text, self.at)
        word = found[1] if found else ""
        for place in places:
            own = place.own_tag and word in enum_words(place.member.enum_type).values()
            if word and (own or place.tag == word) and not place.groups & used:
                self.at += 0 if own else 1 + len(word)
                return place
        return self.expected("a field's name" if places else "the end of the message")

    def _member(self, place: Place) -> str:
        return f"{json_text(place.member.json_name)}:{self._field(place)}"

    def _field(self, place: Place) -> str:
        member = place.member
        if place.spaced:
            self.need(" ")
        if is_map(member):
            pairs = [self._pair(member)]
            while self.take(", "):
                pairs.append(self._pair(member))
            return "{" + ",".join(pairs) + "}"
        if not member.is_repeated:
            return self._one(member, "")
        items = [self._one(member, ITEMS)]
        while self.take(", " if place.spaced else ","):
            items.append(self._one(member, ITEMS))
        return "[" + ",".join(items) + "]"

    def _pair(self, member: FieldDescriptor) -> str:
        key = self._one(member, KEYS)
        if self._layouts.shapes[member.full_name, VALUES].spaced:
            self.need(" ")
        quoted = key if key.startswith('"') else f'"{key}"'
        return f"{quoted}:{self._one(member, VALUES)}"

    def _one(self, owner: FieldDescriptor, role: str, target: Descriptor | None = None) -> str:
        """JSON text of one value; `target` is the message that an `Any` holds."""
        shape = self._layouts.shapes[owner.full_name, role]
        member = field_of(owner, role)
        if shape.only is not None:
            return shape.only
        match shape.kind:
            case "message":
                message: Any = member.message_type
                return "{" + self._message(message, closed=True) + "}"
            case "any":
                return self._any(owner, role)
            case "line":
                return self._line()
            case "word":
                return self._word(member, target or member.message_type)
            case "name" if not self.text.startswith('"', self.at):
                return self._word(member, None)
        return self._json()

    def _any(self, owner: FieldDescriptor, role: str) -> str:
        types = self._layouts.shapes[owner.full_name, role].types
        held = types[self.method([held.word for held in types])] if types[0].word else types[0]
        head = f'{{"@type":{json_text(held.url)}'
        if not held.special:
            members = self._message(held.target, closed=True)
            return f"{head},{members}}}" if members else head + "}"
        own = any_role(held.target)
        if self._layouts.shapes[owner.full_name, own].spaced:
            self.need(" ")
        return f'{head},"value":{self._one(owner, own, held.target)}}}'

    def _line(self) -> str:
        end = self.text.find("\n", self.at)
        if end < 0:
            self.expected("a line")
        line = self.text[self.at : end]
        text = line if line == EMPTY else f'"{line}"'
        try:
            if not line or not isinstance(json.loads(text), str):
                self.expected("a line of text")
        except ValueError:
            self.expected("a line in JSON's escapes")
        self.at = end + 1
        return text

    def _json(self) -> str:
        try:
            _, end = _JSON.raw_decode(self.text, self.at)
        except (ValueError, RecursionError):
            self.expected("JSON")
        text = self.text[self.at : end]
        self.at = end
        return text

    def _word(self, member: FieldDescriptor, target: Descriptor | None) -> str:
        found = _WORD.match(self.text, self.at)
        word = found[0] if found else ""
        text = _word_json(member, target, word)
        if text is None:
            self.expected(f"a value of {member.full_name}")
        self.at += len(word)
        return text


def _word_json(member: FieldDescriptor, target: Descriptor | None, word: str) -> str | None:
    """JSON text of a word; None when it is no value."""
    if target is not None:
        if target.full_name not in WRAPPERS:
            return json_text(word) if word else None
        member = target.fields_by_name["value"]
    match member.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return json_text(word) if is_word(word) else None
        case FieldDescriptor.CPPTYPE_BOOL:
            return word if word in ("true", "false") else None
        case FieldDescriptor.CPPTYPE_ENUM:
            enum: Any = member.enum_type
            for number, known in enum_words(enum).items():
                if known == word:
                    return json_text(enum.values_by_number[number].name)
            return None
    if word in _NOT_FINITE:
        return json_text(word)
    return word if _NUMBER.fullmatch(word) else None
