"""What the rules of broken Salesforce calls ask of a right one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.v1.catalogue_pb2 import Entity, EntityField

__all__ = [
    "DATES",
    "NUMBERS",
    "Call",
    "Entities",
    "Rule",
    "compared_fields",
    "field_of",
    "odd_date",
    "written_fields",
]

Call = dict[str, Any]
NUMBERS = frozenset(("currency", "percent", "double", "int", "long"))
DATES = frozenset(("date", "datetime"))
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
Entities = Mapping[str, Entity]
Rule = Callable[[Call, Request, Entities, random.Random], Call | None]


def field_of(call: Call, entities: Entities, name: str) -> EntityField | None:
    """Returns a field of the call's object; None where there is none of that name."""
    entity = entities.get(call["object"])
    return next((f for f in entity.fields if f.name == name), None) if entity is not None else None


def written_fields(call: Call, entities: Entities, *types: str) -> list[str]:
    """Names of the fields of some types that a call writes with a value."""
    if call["operation"] not in ("create", "update", "upsert"):
        return []
    result = []
    for name, value in call["fields"].items():
        field = field_of(call, entities, name)
        if field is not None and value is not None and (not types or field.type in types):
            result.append(name)
    return result


def compared_fields(call: Call, entities: Entities, *types: str) -> list[list[Any]]:
    """Plain conditions of a query on the object's own fields of some types."""
    result = []
    for condition in call.get("where") or []:
        if isinstance(condition, list):
            field = field_of(call, entities, condition[0])
            if field is not None and field.type in types:
                result.append(condition)
    return result


def odd_date(value: str, rng: random.Random) -> str:
    """Writes an ISO date as people do, or makes it one that there is not."""
    year, month, day = value[:4], value[5:7], value[8:10]
    return rng.choice(
        (
            f"{day}/{month}/{year}",
            f"{month}/{day}/{year}",
            f"{day}.{month}.{year}",
            f"{_MONTHS[int(month) - 1]} {int(day)}",
            f"{int(day)} {_MONTHS[int(month) - 1]} {year}",
            f"{year}-{int(month)}-{int(day)}",
            f"{year}/{month}/{day}",
            rng.choice(("next Friday", "tomorrow", "end of month", "next week", "TODAY", "asap")),
            f"{year}-{month}-32",
            f"{year}-13-{day}",
        )
    )
