"""Salesforce queries that an organisation refuses, though each name in them is known."""

from __future__ import annotations

import random

from narrowgauge.training.specialist.recovery_salesforce_calls import (
    DATES,
    NUMBERS,
    Call,
    Entities,
    compared_fields,
    field_of,
    odd_date,
)
from narrowgauge.training.specialist.salesforce_requests import Request

__all__ = ["compared_type", "unfilterable", "ungrouped"]


def ungrouped(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """Selects a field beside an aggregate without grouping by it."""
    if call["operation"] != "query":
        return None
    if call.get("group_by"):
        call.pop("group_by")
        return call
    if any("(" in name for name in call["select"]):
        call["select"].insert(0, rng.choice(("Name", "Id", "CreatedDate", "OwnerId")))
        return call
    return None


def compared_type(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """A text where a query compares a number, a date or a truth value."""
    if call["operation"] != "query":
        return None
    conditions = compared_fields(call, entities, *NUMBERS, *DATES, "boolean")
    conditions = [c for c in conditions if c[2] is not None and not isinstance(c[2], list)]
    if not conditions:
        return None
    condition = rng.choice(conditions)
    value = condition[2]
    if isinstance(value, bool):
        condition[2] = "yes" if value else "no"
    elif isinstance(value, int | float):
        condition[2] = rng.choice((f"{value:,.0f}", f"{value / 1000:g}k", f"${value:g}"))
    else:
        text = str(value)
        condition[2] = odd_date(text, rng) if text[:1].isdigit() else text.lower().replace("_", " ")
    return call


def unfilterable(call: Call, request: Request, entities: Entities, rng: random.Random) -> Call | None:
    """A long text in a condition or an order, which Salesforce cannot search."""
    if call["operation"] != "query" or field_of(call, entities, "Description") is None:
        return None
    conditions = compared_fields(call, entities, "string", "picklist", "combobox", "phone", "email", "url")
    if not conditions or rng.random() < 0.2:
        if not call.get("order_by"):
            return None
        call["order_by"][0][0] = "Description"
        return call
    rng.choice(conditions)[0] = "Description"
    return call
