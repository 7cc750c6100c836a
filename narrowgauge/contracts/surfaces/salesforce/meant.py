"""What the request of a write means for its fields: which are set, and to which of the values at hand.

A run of a for-each has a row before it, and a small model writes the row down: its state into the change of
its state, its amount for a name. A change takes its values from the request alone, so a column of the row is
no value of it; a new record has values of picklists only where the request names them, or where it must have
one, and of the row what a record is called by, what its request names, and no days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from narrowgauge.contracts.cells_said import cell_said
from narrowgauge.contracts.grounded_values import Grounds, Source
from narrowgauge.contracts.name_words import name_words
from narrowgauge.contracts.record_aliases import ALIAS
from narrowgauge.contracts.said_values import SaidValue, count_numbers
from narrowgauge.contracts.surfaces.salesforce.fields import Field
from narrowgauge.contracts.surfaces.salesforce.words import string_text

__all__ = ["Meant", "NamedField"]

# What a request names by these, it gives a value.
_NAMED = frozenset({"text", "pick", "multi", "number", "date", "datetime"})
_PERSON = frozenset({"FirstName", "LastName"})
# What a new record is called by, said or not.
_TITLES = _PERSON | {"Name", "Subject", "Company", "SuppliedCompany", "SuppliedName"}


@dataclass(frozen=True)
class NamedField:
    """A field that a request names, and so wants set.

    Attributes:
        field: Its name.
    """

    field: str

    def stands_in(self, call: str) -> bool:
        """Whether a call sets it."""
        return re.search(rf"[:,] ?{re.escape(self.field)} =", call) is not None


class Meant:
    """The fields of one object in one request.

    Args:
        entity: The object.
        fields: That can be written.
        grounds: Of the sub-task.
        new: A record may be made.
    """

    def __init__(self, entity: str, fields: Sequence[Field], grounds: Grounds, *, new: bool) -> None:
        self._entity = entity
        self._grounds = grounds
        self._new = new
        # A column may be there twice, in rows of two documents.
        self._row = dict(grounds.row)
        self._has_numbers = count_numbers(ALIAS.sub(" ", grounds.request)) > 0
        self._says_pick = any(field.kind == "pick" and self._is_said(field) for field in fields)

    def can_be_set(self, field: Field) -> bool:
        """Whether a field can be one of those that the request wants set."""
        if "." in field.name:
            return self._grounds.fields.has_words(
                name_words(field.name.rpartition(".")[2].removesuffix("__c"))
            )
        if field.kind in ("pick", "multi") and self._new:
            return field.never_empty or self._is_said(field)
        return not self._row or self._is_of_run(field)

    def _is_of_run(self, field: Field) -> bool:
        """Whether a run over a row can set a field."""
        match field.kind:
            case "pick" | "multi":
                return self._is_said(field) or not self._says_pick
            case "number":
                return self._has_numbers or (self._new and "" in self._row.values())
            case "date" | "datetime":
                return self._says_day or self._is_said(field) or (self._new and self._names_column)
            case "boolean":
                return not self._new or self._is_said(field)
            case "text" if self._new:
                return field.name in _TITLES or field.type in ("phone", "email") or self._is_said(field)
            case "text":
                return field.name not in self._row or self._is_said(field)
        return True

    def _is_said(self, field: Field) -> bool:
        """Whether the request names a field or one of its values."""
        return self._grounds.fields.names(self._entity, field.name) or self._says_one(field)

    def must_be_set(self, field: Field) -> bool:
        """Whether the request names a field with all its words."""
        if field.kind not in _NAMED or field.type in ("phone", "email"):
            return False
        return self._grounds.fields.names_wholly(self._entity, field.name)

    def picks(self, field: Field) -> tuple[str, ...]:
        """The values of a picklist that the request leaves, as a call writes them; empty for any."""
        left = self._picks(field)
        return tuple(map(string_text, left)) if len(left) < len(field.values) else ()

    def texts(self, field: Field) -> tuple[str, ...]:
        """The texts that a field can have, where the request says them to the letter; empty for any."""
        if exact := [value for value in sorted(self._values(field)) if self._is_title(value)]:
            return tuple(exact)
        said = self._grounds.fields
        names = said.phrases(self._entity, field.name)
        cell = cell_said(self._grounds.request, names, self._row) if self._row else ""
        return (cell,) if cell else ()

    def source(self, field: Field, *, first: bool) -> Source:
        """Returns which words a text can be made of.

        Args:
            field: Whose text.
            first: Whether its first word is not over.
        """
        if field.name in _PERSON:
            return "person"
        if self._row and not self._new and not self._names_column:
            return "request"
        return "first" if first else "written"

    @cached_property
    def row_records(self) -> tuple[SaidValue, ...]:
        """The records of the row, which a new record refers to."""
        if not self._new:
            return ()
        records = (text for text in self._row.values() if ALIAS.fullmatch(text))
        return tuple(SaidValue("record", frozenset({name})) for name in dict.fromkeys(records))

    @cached_property
    def _names_column(self) -> bool:
        """Whether the request speaks of what stands in the row: `to the customer's name`."""
        return any(self._grounds.fields.has_words([name.lower()]) for name in self._row)

    def _values(self, field: Field) -> frozenset[str]:
        return self._grounds.fields.values(self._entity, field.name)

    def _picks(self, field: Field) -> list[str]:
        said = self._grounds.fields
        if linked := self._values(field):
            return [value for value in field.values if value in linked]
        words = {value: said.count(value) for value in field.values}
        if self._new:
            meant = [value for value, found in words.items() if found]
            return list(field.values) if field.never_empty or not meant else meant
        left = list(self._changed(field))
        return [value for value in left if not any(words[value] < more for more in words.values())]

    def _is_title(self, value: str) -> bool:
        """Whether the request has a value with its capital, and not as a part of a longer name."""
        pattern = rf"(?<=[\w,] ){re.escape(value)}(?!\w)(?! [A-Z])"
        return value[:1].isupper() and re.search(pattern, self._grounds.request) is not None

    @cached_property
    def _says_day(self) -> bool:
        return any(value.kind == "day" for value in self._grounds.said)

    def _changed(self, field: Field) -> Iterator[str]:
        """The values that are not the row's already."""
        return (value for value in field.values if self._row.get(field.name) != value)

    def _says_one(self, field: Field) -> bool:
        return any(self._grounds.fields.count(value) for value in field.values)
