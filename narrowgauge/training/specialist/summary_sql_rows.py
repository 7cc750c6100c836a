"""Results of the SQL tool, drawn for summaries."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.demo.names import companies
from narrowgauge.training.specialist.summary_results import Cell, Part, Result
from narrowgauge.training.specialist.summary_values import (
    GROUPS,
    PRODUCTS,
    STATUSES,
    SUBJECTS,
    amount_of_money,
    day_around,
    mostly_sorted,
    person_name,
    row_count,
    whole_number,
)

__all__ = [
    "draw_customers",
    "draw_employees",
    "draw_groups",
    "draw_invoices",
    "draw_orders",
    "draw_products",
    "draw_scalar",
    "draw_shipments",
    "draw_tickets",
]


def draw_customers(today: dt.date, rng: random.Random) -> Result:
    """Draws customers with a figure each."""
    count = row_count(rng)
    chosen = rng.sample(companies(), count)
    column, words, money = rng.choice(
        (
            ("sum_amount", "total amount", True),
            ("sum_amount", "total amount", True),
            ("sum_amount", "amount", True),
            ("sum_total", "total", True),
            ("amount", "amount", True),
            ("max_amount", "highest amount", True),
            ("avg_total", "average total", True),
            ("count", "count", False),
            ("unpaid", "unpaid amount", True),
        )
    )
    values, order = mostly_sorted(
        [amount_of_money(rng) if money else whole_number(rng) for _ in range(count)], rng
    )
    extra = rng.choice(("", "", "", "city", "country"))
    rows: list[dict[str, Cell]] = []
    for company, value in zip(chosen, values, strict=True):
        row: dict[str, Cell] = {"name": company.name}
        if extra:
            row[extra] = getattr(company, extra)
        rows.append(row | {column: value})
    return Result(tuple(rows), "customer", "customers", "name", measure=Part(column, words), order=order)


def _numbered(today: dt.date, rng: random.Random, one: str, many: str, amount: Part, day: Part) -> Result:
    """Invoices, orders and shipments: a number, an amount, a date, a status."""
    count = min(row_count(rng), 6)
    values, order = mostly_sorted([amount_of_money(rng) for _ in range(count)], rng)
    if one == "shipment":
        values = [round(value % 480 + 0.4, 1) for value in values]
        order = ""
    same = rng.choice(STATUSES[many]) if rng.random() < 0.5 else ""
    with_day, with_status, with_name = (
        rng.random() < 0.5,
        bool(same) or rng.random() < 0.4,
        rng.random() < 0.3,
    )
    number = rng.randint(20, 2300)
    rows: list[dict[str, Cell]] = []
    for value in values:
        number += rng.randint(1, 60)
        row: dict[str, Cell] = {"id": number}
        if with_name:
            row["name"] = rng.choice(companies()).name
        row[amount.column] = value
        if with_status:
            row["status"] = same or rng.choice(STATUSES[many])
        if with_day:
            row[day.column] = day_around(today, rng)
        rows.append(row)
    return Result(
        tuple(rows),
        one,
        many,
        "id",
        prefix=one,
        measure=amount,
        date=day if with_day else None,
        category=Part("status", "{}") if with_status else None,
        order=order,
    )


def draw_invoices(today: dt.date, rng: random.Random) -> Result:
    """Draws invoices."""
    return _numbered(today, rng, "invoice", "invoices", Part("amount", "amount"), Part("due_date", "is due"))


def draw_orders(today: dt.date, rng: random.Random) -> Result:
    """Draws orders."""
    return _numbered(today, rng, "order", "orders", Part("total", "total"), Part("order_date", "was placed"))


def draw_shipments(today: dt.date, rng: random.Random) -> Result:
    """Draws shipments."""
    return _numbered(
        today, rng, "shipment", "shipments", Part("weight_kg", "weight"), Part("ship_date", "was shipped")
    )


def draw_products(today: dt.date, rng: random.Random) -> Result:
    """Draws products with a price or a quantity."""
    count = min(row_count(rng), 8)
    part, money = rng.choice(
        (
            (Part("price", "price", "highest", "lowest"), True),
            (Part("quantity", "quantity"), False),
            (Part("sum_quantity", "total quantity"), False),
            (Part("avg_unit_price", "average unit price", "highest", "lowest"), True),
        )
    )
    values, order = mostly_sorted(
        [amount_of_money(rng) if money else whole_number(rng) for _ in range(count)], rng, up=0.3
    )
    warehouse = part.column == "quantity" and rng.random() < 0.5
    rows: list[dict[str, Cell]] = []
    for name, value in zip(rng.sample(PRODUCTS, count), values, strict=True):
        row: dict[str, Cell] = {"name": name}
        if warehouse:
            row["warehouse"] = rng.choice(GROUPS["warehouse"])
        rows.append(row | {part.column: value})
    return Result(tuple(rows), "product", "products", "name", measure=part, order=order)


def draw_employees(today: dt.date, rng: random.Random) -> Result:
    """Draws employees with their salaries."""
    count = min(row_count(rng), 6)
    values, order = mostly_sorted([float(rng.randint(310, 990) * 100) for _ in range(count)], rng)
    same = rng.choice(GROUPS["department"]) if rng.random() < 0.4 else ""
    rows: list[dict[str, Cell]] = []
    for value in values:
        department = same or rng.choice(GROUPS["department"])
        rows.append({"name": person_name(rng), "department": department, "salary": value})
    measure = Part("salary", "salary", "highest", "lowest")
    category = Part("department", "in {}")
    return Result(
        tuple(rows), "employee", "employees", "name", measure=measure, category=category, order=order
    )


def draw_tickets(today: dt.date, rng: random.Random) -> Result:
    """Draws support tickets."""
    count = min(row_count(rng), 5)
    same = {
        "status": rng.choice(STATUSES["tickets"]) if rng.random() < 0.6 else "",
        "priority": rng.choice(GROUPS["priority"]) if rng.random() < 0.4 else "",
    }
    key = "id" if rng.random() < 0.4 else "name"
    rows: list[dict[str, Cell]] = []
    numbers = sorted(rng.sample(range(1, 420), count))
    for number, company in zip(numbers, rng.sample(companies(), count), strict=True):
        row: dict[str, Cell] = {"id": number} if key == "id" else {"name": company.name}
        row["subject"] = rng.choice(SUBJECTS[:8])
        row["priority"] = same["priority"] or rng.choice(GROUPS["priority"])
        row["status"] = same["status"] or rng.choice(STATUSES["tickets"])
        rows.append(row)
    column = "priority" if same["priority"] else "status"
    form = "of {} priority" if column == "priority" else "{}"
    prefix = "ticket" if key == "id" else "the ticket of"
    return Result(tuple(rows), "ticket", "tickets", key, prefix=prefix, category=Part(column, form))


def draw_groups(today: dt.date, rng: random.Random) -> Result:
    """Draws groups with a figure each."""
    column = rng.choice(list(GROUPS))
    count = min(rng.randint(2, 8), len(GROUPS[column]))
    part, money = rng.choice(
        (
            (Part("count", "count", "highest", "lowest"), False),
            (Part("count", "count", "highest", "lowest"), False),
            (Part("sum_amount", "total amount"), True),
            (Part("sum_total", "total"), True),
            (Part("avg_total", "average total", "highest", "lowest"), True),
            (Part("sum_quantity", "total quantity"), False),
        )
    )
    values, order = mostly_sorted(
        [amount_of_money(rng) if money else whole_number(rng) for _ in range(count)], rng
    )
    names = rng.sample(GROUPS[column], count)
    rows: list[dict[str, Cell]] = [
        {column: name, part.column: value} for name, value in zip(names, values, strict=True)
    ]
    many = {"country": "countries", "city": "cities", "industry": "industries", "category": "categories"}
    many |= {"status": "statuses", "priority": "priorities"}
    return Result(tuple(rows), column, many.get(column, f"{column}s"), column, measure=part, order=order)


def draw_scalar(today: dt.date, rng: random.Random) -> Result:
    """Draws one figure."""
    column, words, money = rng.choice(
        (
            ("count", "count", False),
            ("count", "count", False),
            ("sum_amount", "total amount", True),
            ("avg_total", "average total", True),
            ("avg_price", "average price", True),
            ("max_amount", "highest amount", True),
            ("min_price", "lowest price", True),
            ("sum_quantity", "total quantity", False),
        )
    )
    value = amount_of_money(rng) if money else whole_number(rng)
    return Result(({column: value},), "", "", "", measure=Part(column, words))
