"""Templates of requests on a Salesforce organisation, which were written by hand in people's own wording.

A line of `wording/salesforce_*.jsonl` is a template: `ask`, several wordings of one request, and the call
that all of them mean in the form of `docs/eval.md` (`operation`, `object`, `record_id`, `fields`,
`external_id`, `select`, `where`, `order_by`, `limit`, `group_by`, `having`). `rows` are what the request
speaks of when it is one run of a for-each.

- `{slot}` stands for a value, in the wording as it is said and in the call as it is stored; `{slot#2}` for
  another one. Slots are `{id:Account}` (a record id), `{Account.Industry}` (a value of a field),
  `{period:CloseDate}` (when a date field lies; as the value of a condition it brings its operator along;
  `{past:…}` and `{future:…}` only the one side, `{bound:…}` and `{since:…}` a bound ahead and behind),
  `{day:CloseDate}` (one day), `{first_day}` and `{last_day}` (of something, as `9` and `12 June`),
  `{Opportunity.Amount~}` (a round amount), and those that need no field: `{first}`, `{last}`, `{person}`,
  `{email}`, `{company}`, `{website}`, `{city}`, `{country}`, `{street}`, `{postal}`, `{phone}`, `{subject}`,
  `{note}`, `{step}`, `{title}`, `{department}`, `{deal}`, `{campaign}`, `{product}`, `{location}`, `{code}`,
  `{case}`, `{number}`, `{external}`, `{n}`, `{minutes}`, `{money}`, `{sum}`, `{percent}`, `{date}`, `{when}`,
  `{birthday}`.
- `[set|change|]` in a wording is one of several words, perhaps none.
- `a(n)` becomes `a` or `an` by what follows.
- Where no quotation mark stands around `{subject}`, `{note}` or `{step}`, some are quoted.
- A name of a row's column may be one of several, `name|customer|company`; one that ends in `?` is there in
  half of the rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from narrowgauge.training.specialist.salesforce_slots import SLOT, slot_field
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["Template", "templates", "usable_templates"]


@dataclass(frozen=True)
class Template:
    """Wordings of one request and its call.

    Attributes:
        asks: The wordings.
        operation: `query`, `get`, `create`, `update`, `upsert` or `delete`.
        call: The rest of the call; strings may hold slots.
        rows: Rows of the request's context; names and strings as above.
        place: File and line, for people.
    """

    asks: tuple[str, ...]
    operation: str
    call: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]
    place: str

    @property
    def object(self) -> str:
        """The object of the call."""
        return str(self.call["object"])


@cache
def templates() -> tuple[Template, ...]:
    """Returns all templates, in the order of their files' names."""
    folder = files("narrowgauge.training.specialist.wording")
    names = sorted(
        entry.name for entry in folder.iterdir() if re.fullmatch(r"salesforce_\w+\.jsonl", entry.name)
    )
    found = []
    for name in names:
        for number, line in enumerate(
            folder.joinpath(name).read_text(encoding="utf-8").splitlines(), start=1
        ):
            if line.strip():
                record = json.loads(line)
                asks, operation = tuple(record.pop("ask")), record.pop("operation")
                rows = tuple(record.pop("rows", ()))
                found.append(Template(asks, operation, record, rows, f"{name}:{number}"))
    return tuple(found)


def usable_templates(catalogue: Catalogue) -> list[Template]:
    """Returns the templates whose objects and fields a catalogue has."""
    entities = {entity.name: entity for entity in catalogue.entities}
    fields = {entity.name: {f.name for f in entity.fields} for entity in catalogue.entities}

    def has(template: Template) -> bool:
        if template.object not in entities:
            return False
        named = {path for path in _paths(template) if "." not in path}
        slots = [slot_field(match[1]) for match in SLOT.finditer(json.dumps([template.asks, template.call]))]
        return named <= fields[template.object] and all(
            slot is None or slot[1] in fields.get(slot[0], ()) for slot in slots
        )

    return [template for template in templates() if has(template)]


def _paths(template: Template) -> Iterator[str]:
    """The fields that a call names, without functions."""
    call = template.call
    yield from call.get("fields") or ()
    if "external_id" in call:
        yield call["external_id"]["field"]
    columns = [
        *call.get("select", ()),
        *call.get("group_by", ()),
        *(key[0] for key in call.get("order_by", ())),
    ]
    columns += [test[0] for test in call.get("having", ())]
    conditions = list(call.get("where", ()))
    while conditions:
        condition = conditions.pop()
        if isinstance(condition, Mapping):
            conditions += [inner for group in condition.values() for inner in group]
        else:
            columns.append(condition[0])
    for column in columns:
        yield re.sub(r"^\w+\((.*)\)$", r"\1", column) or "Id"
