"""Checks finished messages with protovalidate: what a constraint does not say, this does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import protovalidate
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.errors import Unsupported

__all__ = ["default_violations", "rule_failures", "violations"]


@lru_cache(maxsize=8)
def _validator(pool: Any) -> protovalidate.Validator:
    # A validator keeps what it compiled by the message's name, and two pools may define one name differently.
    return protovalidate.Validator()


def violations(message: Message) -> list[tuple[str, str]]:
    """Checks a message.

    Returns:
        Pairs of field path, for example `items[2].name`, and text; empty when the message is valid.

    Raises:
        Unsupported: A rule of the message cannot be compiled or evaluated.
    """
    return [(_path(found), found.proto.message) for found in _collect(message)]


def default_violations(descriptor: Descriptor) -> frozenset[str]:
    """Returns the names of the fields whose rules the empty message breaks: those that must be written.

    Raises:
        Unsupported: A rule of the message cannot be compiled or evaluated.
    """
    if not _has_rules(descriptor):
        return frozenset()
    found = set()
    for violation in _collect(GetMessageClass(descriptor)()):
        elements = _elements(violation)
        if len(elements) == 1 and elements[0].field_name in descriptor.fields_by_name:
            found.add(elements[0].field_name)
    return frozenset(found)


def _has_rules(descriptor: Descriptor) -> bool:
    return (
        descriptor.GetOptions().HasExtension(validate_pb2.message)
        or any(oneof.GetOptions().HasExtension(validate_pb2.oneof) for oneof in descriptor.oneofs)
        or any(field.GetOptions().HasExtension(validate_pb2.field) for field in descriptor.fields)
    )


def rule_failures(message: Message) -> set[tuple[str, str]]:
    """Returns the rules that a message breaks, as a constraint's coverage names them.

    Returns:
        Pairs of a field's or message's full name and a rule's path, for example
        `repeated.items.string.max_len`.
    """
    found = set()
    for violation in _collect(message):
        rule = violation.proto.rule
        path = ".".join(element.field_name for element in rule.elements) if rule is not None else ""
        found.add((_owner(message.DESCRIPTOR, violation), path or violation.proto.rule_id))
    return found


def _owner(descriptor: Any, violation: protovalidate.Violation) -> str:
    """Full name of the field that a violation is about; of the message when it is about the message."""
    name = str(descriptor.full_name)
    for element in _elements(violation):
        if descriptor is None or element.field_name not in descriptor.fields_by_name:
            return f"{name}.{element.field_name}"
        field = descriptor.fields_by_name[element.field_name]
        name, descriptor = str(field.full_name), field.message_type
        if descriptor is not None and descriptor.GetOptions().map_entry:
            descriptor = descriptor.fields_by_name["value"].message_type
    return name


def _elements(violation: protovalidate.Violation) -> Sequence[Any]:
    return violation.proto.field.elements if violation.proto.field is not None else ()


def _path(violation: protovalidate.Violation) -> str:
    text = ""
    for element in _elements(violation):
        text += ("." if text else "") + element.field_name
        if element.subscript is not None:
            key = element.subscript.value
            text += f"[{key!r}]" if isinstance(key, str) else f"[{key}]"
    return text


def _collect(message: Message) -> list[protovalidate.Violation]:
    try:
        return _validator(message.DESCRIPTOR.file.pool).collect_violations(message)
    except (protovalidate.CompilationError, protovalidate.EvaluationError, ValueError) as error:
        # ValueError: a message of protobuf's own that the engine carries in an older version.
        raise Unsupported(
            "BAD_RULE", f"{message.DESCRIPTOR.full_name}: protovalidate cannot apply its rules: {error}"
        ) from error
