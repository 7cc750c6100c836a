"""What a field's descriptor and options say to the compiler."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.constraint import well_known
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.errors import Unsupported
from narrowgauge.v1 import options_pb2

__all__ = [
    "any_targets",
    "children",
    "is_derived",
    "is_map",
    "refuse",
    "rules_of",
    "values_from",
    "writable_any_targets",
]


def values_from(descriptor: FieldDescriptor) -> str:
    """Returns the name of the closed set that the field's values come from, or an empty string."""
    return str(descriptor.GetOptions().Extensions[options_pb2.value].values_from)


def is_derived(descriptor: FieldDescriptor) -> bool:
    """Says whether the field is never generated."""
    return bool(descriptor.GetOptions().Extensions[options_pb2.value].derived)


def refuse(descriptor: FieldDescriptor | Descriptor, reason: str) -> Unsupported:
    """Makes the error for a field that has no constraint."""
    return Unsupported(
        "UNSUPPORTED_FIELD",
        f"{descriptor.full_name}: {reason}",
        metadata={"field": descriptor.full_name, "reason": reason},
    )


def any_targets(owner: Any, rules: Any, limits: Limits) -> list[tuple[str, Descriptor | None]]:
    """Returns the type URLs that an `Any` field may hold, with their messages where they are known."""
    urls = list(getattr(rules, "in")) or [f"type.googleapis.com/{name}" for name in limits.any_types]
    targets: list[tuple[str, Descriptor | None]] = []
    for url in urls:
        if url in rules.not_in:
            continue
        try:
            targets.append((url, owner.file.pool.FindMessageTypeByName(url.rpartition("/")[2])))
        except KeyError:
            targets.append((url, None))
    return targets


def writable_any_targets(owner: Any, rules: Any, limits: Limits) -> list[tuple[str, Descriptor]]:
    """Returns the types that a `google.protobuf.Any` can hold, each with its URL.

    Raises:
        Unsupported: None is named, or one is not among the descriptors.
    """
    found = any_targets(owner, rules, limits)
    if not found:
        raise refuse(
            owner,
            "a google.protobuf.Any without named types: name them with (buf.validate.field).any.in, or "
            "mark the field (narrowgauge.v1.value).derived",
        )
    targets = []
    for url, target in found:
        if target is None:
            raise refuse(owner, f"its type {url} is not among the descriptors")
        targets.append((url, target))
    return targets


def children(descriptor: Descriptor, limits: Limits) -> list[tuple[FieldDescriptor, Descriptor]]:
    """Fields that hold messages, each with every message that it can hold."""
    found = []
    for owner in descriptor.fields:
        target = owner.message_type
        if target is None or is_derived(owner):
            continue
        rules = rules_of(owner)
        if is_map(owner):
            target = target.fields_by_name["value"].message_type
            rules = rules.map.values
        elif owner.is_repeated:
            rules = rules.repeated.items
        if target is None:
            continue
        if target.full_name == "google.protobuf.Any":
            found += [(owner, held) for _, held in any_targets(owner, rules.any, limits) if held is not None]
        elif target.full_name not in well_known.JSON_KINDS:
            found.append((owner, target))
    return found


def rules_of(member: FieldDescriptor) -> Any:
    """Returns a copy of the field's `buf.validate.FieldRules`, empty when it has none."""
    rules = validate_pb2.FieldRules()
    rules.CopyFrom(member.GetOptions().Extensions[validate_pb2.field])
    return rules


def is_map(member: FieldDescriptor) -> bool:
    """Says whether the field is a map."""
    return (
        member.is_repeated
        and member.message_type is not None
        and bool(member.message_type.GetOptions().map_entry)
    )
