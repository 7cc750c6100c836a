"""Requests on a Salesforce organisation in people's own wording, out of templates that were written by hand.

A line of `wording/salesforce_*.jsonl` is a template: `ask`, several wordings of one request, and the call
that all of them mean in the form of `docs/eval.md` (`operation`, `object`, `record_id`, `fields`,
`external_id`, `select`, `where`, `order_by`, `limit`, `group_by`, `having`). `rows` are what the request
speaks of when it is one run of a for-each.

- `{slot}` stands for a value, in the wording as it is said and in the call as it is stored; `{slot#2}` for
  another one. Slots are `{id:Account}` (a record id), `{Account.Industry}` (a value of a field),
  `{period:CloseDate}` (when a date field lies; as the value of a condition it brings its operator along;
  `{past:…}` and `{future:…}` only the one side, `{bound:…}` and `{since:…}` a bound ahead and behind),
  `{day:CloseDate}` (one day), `{first_day}` and `{last_day}` (of something, as `9` and `12 June`),
  `{Opportunity.Amount~}` (a round amount) and those of `PLAIN_SLOTS`.
- `[set|change|]` in a wording is one of several words, perhaps none.
- `a(n)` becomes `a` or `an` by what follows.
- Where no quotation mark stands around `{subject}`, `{note}` or `{step}`, some are quoted.
- A name of a row's column may be one of several, `name|customer|company`; one that ends in `?` is there in
  half of the rows.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.training.specialist.salesforce_slots import SLOT, Slots, slot_field
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = ["Template", "expand", "templates", "usable_templates", "worded_requests"]

# By operation; requests that speak of a row apart, whatever they do.
_WEIGHTS = {"query": 7.0, "create": 3.5, "update": 3.5, "row": 2.5, "get": 1.5, "upsert": 1.3, "delete": 0.8}
_RARE = 2.5
# Files whose templates differ from others in one condition, column or value, and so come oftener.
_CONTRASTED, _CONTRAST = ("salesforce_conditions", "salesforce_selected", "salesforce_values"), 4.0
# Files of what small models confuse, and their share of the requests of each operation that they have.
_CONFUSED, _CONFUSED_SHARE = ("salesforce_read_contrasts", "salesforce_write_contrasts"), 0.4
# Days before which people put `on`, unless the word before already says how the day stands to the rest.
_DAY = re.compile(
    r"\d{1,2}(st|nd|rd|th)? [A-Z]|[A-Z][a-z]+ \d|\d{4}-|\d+\.\d+\.|the \d+(st|nd|rd|th)"
    r"|(Mon|Tues|Wednes|Thurs|Fri)day"
)
_NO_ON = frozenset(
    (
        *(
            "on",
            "by",
            "until",
            "to",
            "for",
            "from",
            "before",
            "after",
            "of",
            "is",
            "be",
            "date",
            "than",
            "and",
            "or",
        ),
        *(
            "start",
            "close",
            "birthday",
            "birthdate",
            "born",
            "due_date",
            "till",
            "since",
            "with",
            "the",
            "new",
            "that",
        ),
    )
)
_CHOICE = re.compile(r"\[([^\[\]{}]*(?:\{[^{}]*\}[^\[\]{}]*)*\|[^\[\]]*)\]")
_ARTICLE = re.compile(r"\ba\(n\)(?= (?:[\"'“]?)(\w))")
_DAYS = frozenset(("date", "when"))
_QUOTED_SLOTS = frozenset(("subject", "note", "step"))
_OPENINGS = ("please ", "could you ", "can you ", "hey, ", "hi, ", "kindly ", "I need you to ", "pls ")
_CLOSINGS = (" please", ", please", ", thanks", " thanks", " asap", ", thank you", " pls")
_VERBS = frozenset(
    (
        *(
            "add",
            "assign",
            "book",
            "bump",
            "change",
            "clear",
            "close",
            "create",
            "delete",
            "drop",
            "enter",
            "erase",
        ),
        *(
            "fetch",
            "file",
            "find",
            "flag",
            "get",
            "give",
            "list",
            "log",
            "make",
            "mark",
            "move",
            "open",
            "pull",
        ),
        *(
            "put",
            "raise",
            "record",
            "register",
            "remove",
            "rename",
            "reopen",
            "schedule",
            "set",
            "show",
            "switch",
        ),
        *("turn", "update", "upsert", "wipe", "count", "look"),
    )
)


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


def worded_requests(catalogue: Catalogue, *, seed: int, today: dt.date | None = None) -> Iterator[Request]:
    """Yields requests without end, none when no template fits; the same seed gives the same requests.

    Args:
        catalogue: Of the organisation.
        seed: Of all that is drawn.
        today: The date on which all are asked; None for a date each.
    """
    rng = random.Random(f"{seed}/wording")
    entities = {entity.name: entity for entity in catalogue.entities}
    groups: dict[str, list[Template]] = {}
    for template in usable_templates(catalogue):
        groups.setdefault("row" if template.rows else template.operation, []).append(template)
    names = list(groups)
    while names:
        group = rng.choices(names, [_WEIGHTS[name] for name in names])[0]
        confused = [template for template in groups[group] if template.place.startswith(_CONFUSED)]
        others = [template for template in groups[group] if not template.place.startswith(_CONFUSED)]
        pool = confused if confused and (not others or rng.random() < _CONFUSED_SHARE) else others
        template = rng.choices(pool, [_chance(template) for template in pool])[0]
        yield expand(template, rng.choice(template.asks), entities, today or draw_today(rng), rng)


def _chance(template: Template) -> float:
    contrasted = _CONTRAST if template.place.startswith(_CONTRASTED) else 1.0
    return max(contrasted, _RARE if _is_rare(template) else 1.0)


def _is_rare(template: Template) -> bool:
    """Tells whether a query is of a form that few have, and that is easily taken for another one."""
    call = template.call
    listed = any(not isinstance(item, Mapping) and item[1] == "IN" for item in call.get("where", ()))
    return "having" in call or listed or ("order_by" in call and "limit" not in call)


def expand(
    template: Template, ask: str, entities: Mapping[str, Entity], today: dt.date, rng: random.Random
) -> Request:
    """Fills the slots of a template in one of its wordings, asked today.

    Raises:
        KeyError: A slot is unknown.
    """
    slots = Slots(entities, entities[template.object], today, rng)
    rows = tuple(_row(row, slots, rng) for row in template.rows)
    stated = json.dumps(template.call)
    text = _said(_typed(_chosen(ask, rng), stated, rng), slots, rng)
    call = {name: _stored(value, slots) for name, value in template.call.items()}
    if isinstance(call.get("fields"), dict):
        call["fields"] = _ordered(entities[template.object], call["fields"])
    return Request(text, template.operation, call, rows, f"worded {template.operation}", today)


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


def _ordered(entity: Entity, values: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the catalogue's order, those of parents last: one way to write a record."""
    places = {f.name: place for place, f in enumerate(entity.fields)}
    return dict(sorted(values.items(), key=lambda item: places.get(item[0], len(places))))


def _chosen(ask: str, rng: random.Random) -> str:
    while match := _CHOICE.search(ask):
        ask = ask[: match.start()] + rng.choice(match[1].split("|")) + ask[match.end() :]
    return re.sub(r" +([,.:;?!])", r"\1", " ".join(ask.split()))


def _typed(ask: str, stated: str, rng: random.Random) -> str:
    """Adds politeness, a slip of the finger, capitals and punctuation around the slots."""
    first = ask.partition(" ")[0]
    if first.lower() in _VERBS:
        if rng.random() < 0.07:
            ask = rng.choice(_OPENINGS) + ask[0].lower() + ask[1:]
        elif rng.random() < 0.05 and ask[-1] not in ".?!":
            ask += rng.choice(_CLOSINGS)
    if rng.random() < 0.06:
        ask = _slip(ask, stated, rng)
    draw = rng.random()
    if not ask.startswith("{"):
        if draw < 0.5:
            ask = ask[0].upper() + ask[1:]
        elif draw > 0.9 and first.isalpha() and first.lower() in _VERBS:
            ask = ask[0].lower() + ask[1:]
    if rng.random() < 0.25 and ask[-1] not in ".?!\"'”":
        ask += (
            "?"
            if re.match(r"(what|which|how|who|when|where|can|could|is|are|do|did|does)\b", ask, re.I)
            else "."
        )
    return ask


def _slip(ask: str, stated: str, rng: random.Random) -> str:
    """Swaps, drops or doubles one letter of a word that the call does not copy."""
    words = ask.split(" ")
    plain = [
        place
        for place, word in enumerate(words)
        if len(word) > 4 and word.isalpha() and word.islower() and word not in stated.lower()
    ]
    if not plain:
        return ask
    place = rng.choice(plain)
    word = words[place]
    at = rng.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[place] = rng.choice(
        (swapped, word[:at] + word[at + 1 :], word[:at] + word[at : at + 1] + word[at:])
    )
    return " ".join(words)


def _said(ask: str, slots: Slots, rng: random.Random) -> str:
    def fill(match: re.Match[str]) -> str:
        said = slots.value(match[1], match[2] or "")[0]
        slot = match[1]
        free = match.start() == 0 or ask[match.start() - 1] not in "\"'“"
        if (
            (slot in _QUOTED_SLOTS or slot.endswith((".Subject", ".NextStep")))
            and free
            and rng.random() < 0.3
        ):
            return (
                rng.choice(('"{}"', '"{}"', "'{}'", "“{}”")).format(said) if "'" not in said else f'"{said}"'
            )
        return said

    text = SLOT.sub(fill, ask)
    return _ARTICLE.sub(lambda match: "an" if match[1].lower() in "aeio8" else "a", text)


def _stored(value: Any, slots: Slots) -> Any:
    """Fills the slots of a part of a call; a string that is one slot becomes its value, of any type."""
    if isinstance(value, str):
        whole = SLOT.fullmatch(value)
        if whole:
            return slots.value(whole[1], whole[2] or "")[1]
        return SLOT.sub(lambda match: str(slots.value(match[1], match[2] or "")[1]), value)
    if isinstance(value, Mapping):
        return {name: _stored(part, slots) for name, part in value.items()}
    if isinstance(value, list):
        filled = [_stored(part, slots) for part in value]
        # A condition on a period: the slot knows whether the field equals it or lies before or after it.
        if len(value) == 3 and value[1] == "=" and isinstance(value[2], str):
            whole = SLOT.fullmatch(value[2])
            if whole:
                filled[1] = slots.value(whole[1], whole[2] or "")[2]
        return filled
    return value


def _row(row: Mapping[str, Any], slots: Slots, rng: random.Random) -> dict[str, Value]:
    filled: dict[str, Value] = {}
    for names, value in row.items():
        if names.endswith("?") and rng.random() < 0.5:
            continue
        filled[rng.choice(names.rstrip("?").split("|"))] = _stored(value, slots)
    if rng.random() < 0.3:
        items = list(filled.items())
        rng.shuffle(items)
        filled = dict(items)
    return filled
