"""Requests on a Salesforce organisation in people's own wording, out of the hand-written templates."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

from narrowgauge.training.specialist.noise import roughen_wording
from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.training.specialist.salesforce_slots import SLOT, Slots
from narrowgauge.training.specialist.salesforce_templates import Template, usable_templates
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = ["expand", "worded_requests"]

# By operation; requests that speak of a row apart, whatever they do.
_WEIGHTS = {"query": 7.0, "create": 3.5, "update": 3.5, "row": 2.5, "get": 1.5, "upsert": 1.3, "delete": 0.8}
_RARE = 2.5
# Files whose templates differ from others in one condition, column or value, and so come oftener.
_CONTRASTED, _CONTRAST = ("salesforce_conditions", "salesforce_selected", "salesforce_values"), 4.0
# Files of what small models confuse, and their share of the requests of each operation that they have.
_CONFUSED, _CONFUSED_SHARE = ("salesforce_read_contrasts", "salesforce_write_contrasts"), 0.4
_CHOICE = re.compile(r"\[([^\[\]{}]*(?:\{[^{}]*\}[^\[\]{}]*)*\|[^\[\]]*)\]")
_ARTICLE = re.compile(r"\ba\(n\)(?= (?:[\"'“]?)(\w))")
_QUOTED_SLOTS = frozenset(("subject", "note", "step"))


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
    text = _said(roughen_wording(_chosen(ask, rng), stated, rng), slots, rng)
    call = {name: _stored(value, slots) for name, value in template.call.items()}
    if isinstance(call.get("fields"), dict):
        call["fields"] = _ordered(entities[template.object], call["fields"])
    return Request(text, template.operation, call, rows, f"worded {template.operation}", today)


def _ordered(entity: Entity, values: Mapping[str, Value]) -> dict[str, Value]:
    """Fields in the catalogue's order, those of parents last: one way to write a record."""
    places = {f.name: place for place, f in enumerate(entity.fields)}
    return dict(sorted(values.items(), key=lambda item: places.get(item[0], len(places))))


def _chosen(ask: str, rng: random.Random) -> str:
    """Chooses among the words of each `[set|change|]`."""
    while match := _CHOICE.search(ask):
        ask = ask[: match.start()] + rng.choice(match[1].split("|")) + ask[match.end() :]
    return re.sub(r" +([,.:;?!])", r"\1", " ".join(ask.split()))


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
