"""Results of the Salesforce tool, drawn for summaries."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.demo.names import companies
from narrowgauge.training.specialist.salesforce_values import record_id
from narrowgauge.training.specialist.summary_results import Cell, Part, Result
from narrowgauge.training.specialist.summary_values import (
    SUBJECTS,
    amount_of_money,
    mostly_sorted,
    person_name,
)

__all__ = ["draw_cases", "draw_leads", "draw_opportunities", "draw_written"]

_PREFIXES = {"Case": "500", "Task": "00T", "Opportunity": "006"}


def draw_cases(today: dt.date, rng: random.Random) -> Result:
    """Draws cases."""
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    status = rng.choice(("New", "Working", "Escalated", "Closed")) if rng.random() < 0.7 else ""
    priority = rng.choice(("High", "Medium", "Low")) if rng.random() < 0.6 else ""
    number = rng.randint(1000, 1400)
    with_company = rng.random() < 0.5
    rows: list[dict[str, Cell]] = []
    for _ in range(count):
        number += rng.randint(1, 9)
        row: dict[str, Cell] = {"object": "Case", "id": record_id("500", rng), "CaseNumber": f"{number:08}"}
        row["Subject"] = rng.choice(SUBJECTS)
        row["Status"] = status or rng.choice(("New", "Working", "Escalated"))
        row["Priority"] = priority or rng.choice(("High", "Medium", "Low"))
        if with_company:
            row["SuppliedCompany"] = rng.choice(companies()).name
        rows.append(row)
    category = Part("Priority", "of {} priority") if priority else Part("Status", "{}")
    return Result(tuple(rows), "case", "cases", "CaseNumber", prefix="case", category=category)


def draw_opportunities(today: dt.date, rng: random.Random) -> Result:
    """Draws opportunities."""
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    values, order = mostly_sorted([float(rng.randint(20, 2400) * 100) for _ in range(count)], rng)
    stages = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review", "Closed Won")
    same = rng.choice(stages) if rng.random() < 0.5 else ""
    rows: list[dict[str, Cell]] = []
    for company, value in zip(rng.sample(companies(), count), values, strict=True):
        row: dict[str, Cell] = {"object": "Opportunity", "id": record_id("006", rng)}
        row["Name"] = f"{company.name} {rng.choice(('Renewal', 'Expansion', 'Pilot', 'New Business'))}"
        rows.append(row | {"StageName": same or rng.choice(stages), "Amount": value})
    category, measure = Part("StageName", "in the stage {}"), Part("Amount", "amount")
    many = "opportunities"
    return Result(tuple(rows), "opportunity", many, "Name", measure=measure, category=category, order=order)


def draw_leads(today: dt.date, rng: random.Random) -> Result:
    """Draws leads."""
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    statuses = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")
    same = rng.choice(statuses) if rng.random() < 0.6 else ""
    rows: list[dict[str, Cell]] = []
    for company in rng.sample(companies(), count):
        row: dict[str, Cell] = {"object": "Lead", "id": record_id("00Q", rng), "Name": person_name(rng)}
        rows.append(row | {"Company": company.name, "Status": same or rng.choice(statuses)})
    return Result(tuple(rows), "lead", "leads", "Name", category=Part("Status", "in the status {}"))


def draw_written(today: dt.date, rng: random.Random) -> Result:
    """Records that a step made or changed for each row of an earlier one."""
    count = rng.choices((2, 3, 4, 5), (3, 4, 2, 3))[0]
    kind = rng.choice(("Case", "Case", "Case", "Task", "Opportunity"))
    values, order = mostly_sorted([amount_of_money(rng) for _ in range(count)], rng, up=0.0)
    rows: list[dict[str, Cell]] = []
    for company, value in zip(rng.sample(companies(), count), values, strict=True):
        row: dict[str, Cell] = {"name": company.name, "sum_amount": value}
        rows.append(row | {"object": kind, "id": record_id(_PREFIXES[kind], rng)})
    many = {"Opportunity": "opportunities"}.get(kind, f"{kind.lower()}s")
    return Result(
        tuple(rows),
        kind.lower(),
        many,
        "name",
        prefix=f"the {kind.lower()} for",
        measure=Part("sum_amount", "total amount"),
        order=order,
    )
