"""Checks finished messages with protovalidate: what a constraint does not say, this does."""

from __future__ import annotations

from functools import cache

import protovalidate
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.errors import Unsupported

__all__ = ["default_violations", "path_text", "rule_text", "violations"]


@cache
def _validator() -> protovalidate.Validator:
    return protovalidate.Validator()


def violations(message: Message) -> list[tuple[str, str]]:
    """Checks a message.

    Returns:
        Pairs of field path, for example `items[2].name`, and text; empty when the message is valid.

    Raises:
        Unsupported: A rule of the message cannot be compiled or evaluated.
    """
    return [(path_text(found), found.proto.message) for found in _collect(message)]


def default_violations(descriptor: Descriptor) -> frozenset[str]:
    """Returns the names of the fields whose rules the empty message breaks: those that must be written.

    Raises:
        Unsupported: A rule of the message cannot be compiled or evaluated.
    """
    found = set()
    for violation in _collect(GetMessageClass(descriptor)()):
        elements = violation.proto.field.elements if violation.proto.field is not None else []
        if len(elements) == 1 and elements[0].field_name in descriptor.fields_by_name:
            found.add(elements[0].field_name)
    return frozenset(found)


def path_text(violation: protovalidate.Violation) -> str:
    """Returns the path of the field, for example `items[2].name`."""
    text = ""
    for element in violation.proto.field.elements if violation.proto.field is not None else []:
        text += ("." if text else "") + element.field_name
        if element.subscript is not None:
            key = element.subscript.value
            text += f"[{key!r}]" if isinstance(key, str) else f"[{key}]"
    return text


def rule_text(violation: protovalidate.Violation) -> str:
    """Returns the path of the rule, for example `repeated.items.string.max_len`."""
    rule = violation.proto.rule
    return ".".join(element.field_name for element in rule.elements) if rule is not None else ""


def _collect(message: Message) -> list[protovalidate.Violation]:
    try:
        return _validator().collect_violations(message)
    except (protovalidate.CompilationError, protovalidate.EvaluationError) as error:
        raise Unsupported(
            "BAD_RULE", f"{message.DESCRIPTOR.full_name}: protovalidate cannot apply its rules: {error}"
        ) from error
