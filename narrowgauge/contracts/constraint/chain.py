"""The states of a message: which fields may stand where.

A message is a chain of states, one for each field in number order. A state knows whether something stands
before it, so that commas are right, and which of the groups (oneofs) with members to come are used, so that a
oneof is used at most once however its numbers lie. From each state the grammar writes the field or skips it,
as far as its rules allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.contracts.constraint.lark import Lark, literal

__all__ = ["Chain", "Slot"]


@dataclass(frozen=True)
class Slot:
    """A field's place in its message.

    Attributes:
        key: What stands before its value as the message's first field, for example its JSON key with a colon.
        next_key: The same after another field.
        value: Symbol of its value; None when nothing can be written for it.
        required: It may not be left out.
        groups: Names of the groups of which at most one member may be written.
    """

    key: str
    next_key: str
    value: str | None
    required: bool
    groups: frozenset[str]


class Chain:
    """The states of one message.

    Args:
        lark: The grammar.
        slots: The fields in the order in which they are written.
        needed: Groups of which a member must be written.
        end: What ends the message, for example its closing brace.
    """

    def __init__(self, lark: Lark, slots: Sequence[Slot], needed: set[str], end: str) -> None:
        self._end = literal(end)
        self._lark = lark
        self._slots = slots
        self._needed = needed
        self._last = {group: index for index, slot in enumerate(slots) for group in slot.groups}
        self._states: dict[tuple[int, bool, frozenset[str]], str | None] = {}
        # A group that must be used and has no member that can be written makes the message impossible.
        self._impossible = bool(needed - self._last.keys())

    def tail(self, begun: bool) -> str | None:
        """Returns what follows the message's beginning; None when nothing can.

        Args:
            begun: Whether something of the message stands there already.
        """
        if self._impossible:
            return None
        reached = [{(begun, frozenset[str]())}]
        for index in range(len(self._slots)):
            reached.append({after for state in reached[-1] for after in self._following(index, *state)})
        # From the end: each state uses only states after it.
        for index in range(len(self._slots), -1, -1):
            for wrote, used in sorted(reached[index], key=lambda state: (state[0], sorted(state[1]))):
                self._states[index, wrote, used] = self._state(index, wrote, used)
        return self._states[0, begun, frozenset()]

    def _following(self, index: int, wrote: bool, used: frozenset[str]) -> list[tuple[bool, frozenset[str]]]:
        slot = self._slots[index]
        found = [] if slot.required else [(wrote, self._open(used, index + 1))]
        if slot.value is not None and not used & slot.groups:
            found.append((True, self._open(used | slot.groups, index + 1)))
        return found

    def _open(self, used: frozenset[str], index: int) -> frozenset[str]:
        return frozenset(group for group in used if self._last[group] >= index)

    def _state(self, index: int, wrote: bool, used: frozenset[str]) -> str | None:
        if index == len(self._slots):
            return self._end
        slot = self._slots[index]
        skip = write = None
        ends_unused = any(
            group in self._needed and group not in used and self._last[group] == index
            for group in slot.groups
        )
        if not slot.required and not ends_unused:
            skip = self._states.get((index + 1, wrote, self._open(used, index + 1)))
        if slot.value is not None and not used & slot.groups:
            after = self._states[index + 1, True, self._open(used | slot.groups, index + 1)]
            if after is not None:
                key = slot.next_key if wrote else slot.key
                write = f"{literal(key)} {slot.value} {after}" if key else f"{slot.value} {after}"
        if write is None:
            return skip
        return self._lark.rule(write if skip is None else f"{write} | {skip}")
