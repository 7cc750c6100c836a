"""What a write's list of assignments can go on with, given what the request says.

A small model that has said all there is goes on to fields that nothing was said of, and one that was given
five values writes four. So a field is offered only where the text has a value that it could hold, `null` only
where something is to be emptied, and what can stand in fields of one kind alone (a record id, an e-mail
address, an amount, a day) must be written before the list leaves the last of these fields. So must fields
that the request names, and of a new record the one that refers to the record of its row. Which fields these
are, and what a value can be in the light of the row that a run is about: `Meant`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from narrowgauge.contracts.grounded_values import Grounds, OpenValue
from narrowgauge.contracts.linked_values import LinkedValue
from narrowgauge.contracts.said_values import SaidValue
from narrowgauge.contracts.surfaces.salesforce.fields import Field
from narrowgauge.contracts.surfaces.salesforce.meant import Meant, NamedField
from narrowgauge.contracts.surfaces.salesforce.words import string_text

__all__ = ["CLOSED_TEXT", "Assigning"]

CLOSED_TEXT = "\x00"
"""Stands for a closed string in a call whose structure is looked at."""

# Types or kinds of the fields that can hold a value of the request.
_HELD_BY = {
    "record": frozenset({"reference"}),
    "email": frozenset({"email"}),
    "phone": frozenset({"phone"}),
    "number": frozenset({"number"}),
    "day": frozenset({"date", "datetime"}),
}
_ONE_WORD = re.compile(r"[^\W_]*")
# Emptying is said with few words; some of them say other things as well, which does no harm here.
_EMPTYING = re.compile(
    r"\b(?:clears?|cleared|remove[sd]?|empt(?:y|ied)|blank|delete[sd]?|unset|erase[sd]?|wiped?|without|void|none|"
    r"drop(?:ped)?|null|nothing|takes?|off|strip(?:ped)?|reset|out|gone?|nobody|no|not|unassign(?:ed)?|away)\b",
    re.IGNORECASE,
)


class Assigning:
    """The assignments of one write.

    Args:
        entity: The object.
        fields: That can be written, in the order in which they stand.
        grounds: Of the sub-task.
        new: A record may be made, so that nothing needs emptying.
        target: Name of the record that is changed, which is no value; or the key field of an upsert.
    """

    def __init__(
        self, entity: str, fields: Sequence[Field], grounds: Grounds, *, new: bool, target: str
    ) -> None:
        self._meant = meant = Meant(entity, fields, grounds, new=new)
        self._fields = fields
        self._places = {field.name: place for place, field in enumerate(fields)}
        self._null = not new and _EMPTYING.search(grounds.request) is not None
        self._offered = [
            self._null or (_can_hold(field, grounds) and meant.can_be_set(field)) for field in fields
        ]
        self._nulls = ("null",) if self._null else ()
        # By first place, end, and kinds of which the text has no more.
        self._offers_known: dict[tuple[int, int, frozenset[str]], tuple[str, ...]] = {}
        # Values of these types are written whole.
        self._whole = {"email": grounds.emails, "phone": grounds.phones}
        self._most = {"number": grounds.number_count, "day": grounds.day_count}
        # Each value with the last of the fields that can hold it.
        self._said: list[tuple[SaidValue | LinkedValue | NamedField, int]] = [
            (value, max(places))
            for value in grounds.said
            if target not in value.readings and (places := self._holders(value))
        ]
        self._said += [
            (value, self._places[value.field])
            for value in grounds.linked
            if value.entity == entity and value.field in self._places
        ]
        self._said += [
            (NamedField(field.name), place)
            for place, field in enumerate(fields)
            if self._offered[place] and field.name != target and meant.must_be_set(field)
        ]
        self._said += [
            (value, max(places))
            for value in meant.row_records
            if (places := self._holders(value)) and not any(place in places for _, place in self._said)
        ]

    def narrowed(self, value: OpenValue | None, assigned: str, written: str) -> OpenValue | None:
        """Returns what can come next.

        Args:
            value: The value that the call ends in, as its field alone allows it; None for none.
            assigned: The list so far, from its colon, closed strings emptied.
            written: The whole call so far.
        """
        # Tokens may begin with the space before a name or a value: it is read with what follows.
        *before, last = assigned.split(",")
        taken = [text.strip(" ").partition(" =")[0] for text in before]
        name, assigns, begun = last.lstrip(" ").partition(" =")
        if not assigns:
            names = self._offers(taken, written)
            return OpenValue("one_of", last, names) if names else None
        place = self._places.get(name)
        if place is None:
            return value
        field = self._fields[place]
        if field.kind == "pick":
            value = self._picked(field, begun, value)
        value = value or OpenValue("any", begun.lstrip(" "))
        if value.kind == "text" and (texts := self._whole.get(field.type)):
            value = OpenValue("one_of", value.begun, tuple(f'{text}"' for text in texts))
        elif value.kind == "text" and (texts := self._meant.texts(field)):
            value = OpenValue("one_of", value.begun, tuple(string_text(text)[1:] for text in texts))
        elif value.kind == "text":
            first = _ONE_WORD.fullmatch(value.begun) is not None
            value = replace(value, source=self._meant.source(field, first=first))
        return replace(
            value,
            null=self._null,
            last=self._bound(place + 1, written) is None,
            more=bool(self._offers([*taken, name], written)),
        )

    def _picked(self, field: Field, begun: str, value: OpenValue | None) -> OpenValue | None:
        """The values of a picklist, where the request leaves some of them only."""
        texts = self._meant.picks(field)
        if not texts:
            return None
        if value is not None:
            return OpenValue("one_of", value.begun, tuple(text[1:] for text in texts))
        if begun.strip(" "):
            return None
        return OpenValue("one_of", begun, tuple(f" {text}" for text in (*texts, *self._nulls)))

    def _offers(self, taken: Sequence[str], written: str) -> tuple[str, ...]:
        """The names that can come next: they stand in the fields' order."""
        first = 1 + max((self._places.get(name, -1) for name in taken), default=-1)
        bound = self._bound(first, written)
        end = len(self._fields) if bound is None else bound + 1
        used = Counter(_counted(self._fields[self._places[name]]) for name in taken if name in self._places)
        full = frozenset(kind for kind, most in self._most.items() if not self._null and used[kind] >= most)
        offer = (first, end, full)
        if offer not in self._offers_known:
            self._offers_known[offer] = tuple(
                f" {self._fields[place].name} ="
                for place in range(first, end)
                if self._offered[place] and _counted(self._fields[place]) not in full
            )
        return self._offers_known[offer]

    def _bound(self, first: int, written: str) -> int | None:
        """The first of the places, from `first`, that the list must not leave behind; None for none."""
        return min(
            (last for value, last in self._said if last >= first and not value.stands_in(written)),
            default=None,
        )

    def _holders(self, value: SaidValue) -> list[int]:
        """Places of the fields that can hold a value."""
        kinds = _HELD_BY[value.kind]
        return [
            place
            for place, field in enumerate(self._fields)
            if (field.type in kinds or field.kind in kinds)
            and (field.kind != "reference" or not value.readings.isdisjoint(field.values))
        ]


def _can_hold(field: Field, grounds: Grounds) -> bool:
    """Whether the text has a value for a field, as far as its kind tells."""
    if field.kind == "reference":
        return bool(field.values)
    if field.kind in ("date", "datetime"):
        return bool(grounds.days)
    if field.type == "email":
        return bool(grounds.emails)
    return field.type != "phone" or bool(grounds.phones)


def _counted(field: Field) -> str:
    """What of a text a field takes up: `number`, `day`, or nothing that is counted."""
    if field.kind in ("date", "datetime"):
        return "day"
    return "number" if field.kind == "number" else ""
