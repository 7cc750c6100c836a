"""Values of the rows that summaries are about: names, days, amounts, and their order."""

from __future__ import annotations

import datetime as dt
import random

from narrowgauge.demo.names import companies, people

__all__ = [
    "GROUPS",
    "PRODUCTS",
    "STATUSES",
    "SUBJECTS",
    "amount_of_money",
    "day_around",
    "mostly_sorted",
    "person_name",
    "row_count",
    "whole_number",
]

STATUSES = {
    "invoices": ("paid", "unpaid", "overdue"),
    "orders": ("pending", "processing", "shipped", "delivered", "cancelled"),
    "shipments": ("in transit", "delivered", "delayed"),
    "tickets": ("open", "pending", "closed"),
}
GROUPS = {
    "status": ("paid", "unpaid", "overdue", "open", "closed", "pending", "delivered", "cancelled"),
    "country": tuple(dict.fromkeys(company.country for company in companies())),
    "city": tuple(dict.fromkeys(company.city for company in companies())),
    "industry": tuple(dict.fromkeys(company.industry for company in companies())),
    "category": ("Packaging", "Tools", "Safety", "Lighting", "Storage", "Electronics"),
    "carrier": ("DHL", "FedEx", "UPS", "Maersk", "DB Schenker"),
    "priority": ("low", "normal", "high", "urgent"),
    "channel": ("web", "phone", "partner"),
    "segment": ("Enterprise", "Mid-Market", "Small Business"),
    "department": ("Sales", "Support", "Logistics", "Finance", "Engineering", "Marketing"),
    "warehouse": ("Berlin", "Chicago", "Singapore", "Rotterdam"),
}
PRODUCTS = tuple(
    f"{name} {variant}"
    for name in (
        *("Carton Box", "Bubble Mailer", "Pallet Wrap", "Cordless Drill", "Torque Wrench", "Heat Gun"),
        *("Safety Helmet", "Work Gloves", "First Aid Kit", "LED Panel", "Work Lamp", "Steel Shelf"),
        *("Parts Bin", "Barcode Scanner", "Label Printer", "Floor Scale", "Laser Level", "Tool Cabinet"),
    )
    for variant in ("S", "M", "L", "Pro")
)
SUBJECTS = (
    *("Late delivery", "Damaged goods", "Wrong item shipped", "Invoice question", "Missing parts"),
    *("Refund request", "Technical question", "Bulk discount", "Login problem", "Unpaid invoices"),
    *("Billing error", "Warranty claim", "Password reset", "Contract renewal", "Shipment delayed"),
)


def amount_of_money(rng: random.Random) -> float:
    """Draws an amount of money."""
    scale = rng.choice((100, 1000, 5000, 40000, 90000))
    value = rng.uniform(scale / 10, scale)
    return float(round(value)) if rng.random() < 0.2 else round(value, 2)


def whole_number(rng: random.Random) -> int:
    """Draws a number of things."""
    return rng.choice((rng.randint(1, 40), rng.randint(10, 900), rng.randint(100, 9000)))


def day_around(today: dt.date, rng: random.Random) -> str:
    """Draws a day around today, as ISO text."""
    return str(today + dt.timedelta(days=rng.randint(-400, 40)))


def person_name(rng: random.Random) -> str:
    """Draws the name of a person."""
    return f"{rng.choice(people()).first_name} {rng.choice(people()).last_name}"


def row_count(rng: random.Random) -> int:
    """Draws a number of rows."""
    return rng.choices((1, 2, 3, 4, 5, 6, 8, 10, 12), (3, 4, 6, 4, 8, 2, 1, 1, 1))[0]


def mostly_sorted(
    values: list[float] | list[int], rng: random.Random, up: float = 0.15
) -> tuple[list[float], str]:
    """Mostly sorts values downwards, as a query for the top ones does."""
    drawn = rng.random()
    distinct = len(set(values)) == len(values) and len(values) > 1
    if not distinct or drawn < 0.2:
        return list(values), ""
    falling = drawn >= 0.2 + up
    return sorted(values, reverse=falling), "down" if falling else "up"
