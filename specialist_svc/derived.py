"""Fills in the fields that a contract marks as derived: never generated, known from the context.

One rule: a derived integer field beside a text field of the closed set `figures` gets the offset of that text
in the source, in Unicode code points. When several figures of one call have the same text, each takes the
next place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from narrowgauge.contracts.closed_sets import FIGURES
from narrowgauge.errors import Unsupported
from narrowgauge.v1 import options_pb2

if TYPE_CHECKING:
    from google._upb import _message

__all__ = ["check_derived", "fill_derived", "messages_of"]

# The stubs give messages the C implementation's descriptors and the generated modules the Python ones.
_Descriptor: TypeAlias = "Descriptor | _message.Descriptor"
_Field: TypeAlias = "FieldDescriptor | _message.FieldDescriptor"

_INTEGERS = (
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SINT64,
)


def check_derived(message: _Descriptor, seen: frozenset[str] = frozenset()) -> None:
    """Checks that every derived field below a message descriptor is one that `fill_derived` knows.

    Raises:
        Unsupported: One is not; names it.
    """
    if message.full_name in seen:
        return
    for field in message.fields:
        if _options(field).derived and (field.type not in _INTEGERS or _figure_field(message) is None):
            raise Unsupported(
                "DERIVED_FIELD",
                f"{field.full_name} is derived, and only an integer beside a text field with "
                f'values_from "{FIGURES}" can be',
            )
        if field.message_type is not None:
            check_derived(field.message_type, seen | {message.full_name})


def fill_derived(request: Message, source: str) -> None:
    """Sets the offsets of all figures in a call.

    Args:
        request: The call; changed in place.
        source: What `source_text` returns for the context.
    """
    next_place: dict[str, int] = {}
    for message in messages_of(request):
        descriptor = message.DESCRIPTOR
        figure = _figure_field(descriptor)
        if figure is None:
            continue
        for field in descriptor.fields:
            if _options(field).derived:
                text = str(getattr(message, figure.name))
                place = source.find(text, next_place.get(text, 0))
                if place < 0:
                    place = source.find(text)
                next_place[text] = place + 1
                setattr(message, field.name, place)


def messages_of(message: Message) -> Iterator[Message]:
    """Yields a message and all messages in it, in field order."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for entry in value.values():
                    yield from messages_of(entry)
        elif field.is_repeated:
            for item in value:
                yield from messages_of(item)
        else:
            yield from messages_of(value)


def _figure_field(descriptor: _Descriptor) -> _Field | None:
    for field in descriptor.fields:
        if _options(field).values_from == FIGURES and not field.is_repeated:
            return field
    return None


def _options(field: _Field) -> options_pb2.ValueOptions:
    return field.GetOptions().Extensions[options_pb2.value]
