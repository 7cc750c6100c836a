"""Which rules of a contract its constraint keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

__all__ = ["Coverage"]


@dataclass
class Coverage:
    """Which rules the constraint guarantees.

    Attributes:
        claims: Pairs of a field's full name and a rule's path, for example `string.max_len`.
        left: The same for rules that are checked on the finished message, with the reason.
        bounds: Most code points, items or pairs of a field by its full name, as the grammar has them.
    """

    claims: set[tuple[str, str]] = field(default_factory=set)
    left: dict[tuple[str, str], str] = field(default_factory=dict)
    bounds: dict[str, int] = field(default_factory=dict)

    def cover(self, owner: FieldDescriptor, claims: set[str], left: Mapping[str, str], path: str) -> None:
        """Notes the rules of a value that its expression keeps, and those that it leaves.

        Args:
            owner: The field.
            claims: Names of rules that are kept.
            left: Those that are not, with the reason.
            path: Of the rules in the field's.
        """
        self.claims |= {(owner.full_name, f"{path}.{name}") for name in claims}
        self.left |= {(owner.full_name, f"{path}.{name}"): reason for name, reason in left.items()}

    def note(self, owner: FieldDescriptor, rules: Any, path: str, known: set[str], other: set[str]) -> None:
        """Notes the rules that are set: the `known` ones as kept, all but the `other` ones as left."""
        for descriptor, _ in rules.ListFields():
            if descriptor.name in known:
                self.claims.add((owner.full_name, path + descriptor.name))
            elif descriptor.name not in other:
                self.left[owner.full_name, path + descriptor.name] = "has no expression in the constraint"
