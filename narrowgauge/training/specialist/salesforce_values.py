"""Values for Salesforce fields by type and name: what people write, and what the field stores."""

from __future__ import annotations

import calendar
import datetime as dt
import random
import string
from collections.abc import Sequence

from narrowgauge.demo.names import companies, people
from narrowgauge.v1.catalogue_pb2 import EntityField

__all__ = ["Value", "record_id", "value_of"]

Value = str | float | bool | None

_TOPICS = (
    *(
        "Late delivery",
        "Broken packaging",
        "Login problem",
        "Invoice question",
        "Wrong item shipped",
        "Damaged goods",
    ),
    *(
        "Password reset",
        "Billing error",
        "Overdue payment",
        "Refund request",
        "Missing parts",
        "Slow response",
    ),
    *(
        "Contract renewal",
        "Renewal discussion",
        "Quarterly review",
        "Follow-up call",
        "Product demo",
        "Site visit",
    ),
    *(
        "Pricing question",
        "Unpaid invoices",
        "Shipment delayed",
        "Warranty claim",
        "Data export",
        "API timeout",
    ),
)
_SENTENCES = (
    *(
        "customer called twice",
        "waiting for a reply",
        "needs a quote by Friday",
        "prefers email",
        "met at the fair",
    ),
    *(
        "wants a discount",
        "asked for a callback",
        "two pallets were missing",
        "moved to a new office",
        "very happy",
    ),
)
_DEALS = (
    "Expansion",
    "Renewal",
    "New business",
    "Upgrade",
    "Pilot",
    "Rollout",
    "Support plan",
    "Fleet order",
)
_TITLES = (
    "CEO",
    "CFO",
    "Purchasing Manager",
    "IT Director",
    "Head of Sales",
    "Buyer",
    "Office Manager",
    "CTO",
)
_DEPARTMENTS = ("Finance", "Purchasing", "IT", "Operations", "Marketing", "Sales", "Legal", "Engineering")


def record_id(prefix: str, rng: random.Random) -> str:
    """Makes up a record id: the object's prefix of three characters, then 12 or 15 more."""
    alphabet = string.ascii_letters + string.digits
    length = rng.choice((15, 18, 18))
    return prefix + "".join(rng.choice(alphabet) for _ in range(length - 3))


def value_of(
    field: EntityField, today: dt.date, rng: random.Random, near: Sequence[str] = ()
) -> tuple[str, Value]:
    """Makes up a value.

    Args:
        field: The field.
        today: The date on which it is asked.
        rng: Source of choice.
        near: Names of the record's company and person, when a request speaks of them.

    Returns:
        How a person writes it, and what the field stores.
    """
    if field.values and field.type != "combobox":
        stored = rng.choice(list(field.values))
        return (stored.lower() if rng.random() < 0.5 else stored), stored
    match field.type:
        case "boolean":
            stored_flag = rng.random() < 0.6
            return ("true" if stored_flag else "false"), stored_flag
        case "currency":
            return _money(rng)
        case "percent":
            number = rng.choice((5, 10, 15, 20, 25, 40, 50, 60, 75, 80, 90))
            return rng.choice((f"{number}%", f"{number} percent", str(number))), float(number)
        case "int" | "double":
            number = rng.choice((1, 2, 3, 5, 8, 12, 15, 25, 30, 40, 45, 60, 90, 120, 250, 500, 1200))
            return str(number), float(number)
        case "date":
            return _day(today, rng)
        case "datetime":
            day = today + dt.timedelta(days=rng.randint(-20, 40))
            hour = rng.randint(8, 18)
            return f"{day} {hour}:00", f"{day}T{hour:02}:00:00Z"
    return _text(field, rng, near)


def _money(rng: random.Random) -> tuple[str, float]:
    number = rng.choice((500, 750, 1200, 2500, 4000, 5000, 8000, 12000, 25000, 40000, 75000, 100000, 250000))
    forms = [str(number), f"${number}", f"{number:,}", f"${number:,}", f"{number} dollars", f"{number} EUR"]
    if number % 1000 == 0:
        forms += [f"{number // 1000}k", f"${number // 1000}k"]
    return rng.choice(forms), float(number)


def _day(today: dt.date, rng: random.Random) -> tuple[str, str]:
    if rng.random() < 0.35:
        words, days = rng.choice(
            (("today", 0), ("tomorrow", 1), ("yesterday", -1), ("in two weeks", 14), ("in 10 days", 10))
        )
        return words, str(today + dt.timedelta(days=days))
    if rng.random() < 0.15:
        month_end = today.replace(day=calendar.monthrange(today.year, today.month)[1])
        return rng.choice(("the end of the month", "end of this month")), str(month_end)
    day = today + dt.timedelta(days=rng.randint(1, 240))
    month = calendar.month_name[day.month]
    said = [str(day), str(day), f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}"]
    if (day - today).days <= 180:  # farther on, a day of that name has been nearer
        said.append(f"{month} {day.day}")
    return rng.choice(said), str(day)


def _text(field: EntityField, rng: random.Random, near: Sequence[str]) -> tuple[str, Value]:
    company = near[0] if near else rng.choice(companies()).name
    person = near[1] if len(near) > 1 else rng.choice(people()).name
    first, _, last = person.partition(" ")
    domain = "".join(c for c in company.lower() if c.isalnum())[:14] + ".example"
    name = field.name.lower()
    made = {
        "email": f"{first.lower()}.{last.lower().replace(' ', '')}@{domain}",
        "phone": f"+{rng.randint(1, 49)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
        "url": f"https://{domain}",
    }.get(field.type)
    if made is None:
        if name in ("company", "suppliedcompany", "companyname"):
            made = company
        elif name == "firstname":
            made = first
        elif name == "lastname":
            made = last
        elif name == "suppliedname":
            made = person
        elif name.endswith("city"):
            made = rng.choice(companies()).city
        elif name.endswith("country"):
            made = rng.choice(companies()).country
        elif name == "title":
            made = rng.choice(_TITLES)
        elif name == "department":
            made = rng.choice(_DEPARTMENTS)
        elif name in ("subject",):
            made = rng.choice(_TOPICS)
        elif name in ("description", "comments", "nextstep", "notes__c"):
            made = rng.choice(_SENTENCES)
        elif name.endswith(("number", "number__c", "code", "unit", "id__c")):
            made = f"{rng.choice(string.ascii_uppercase)}-{rng.randint(1000, 99999)}"
        elif name == "name":
            made = f"{company} {rng.choice(_DEALS)}" if near else company
        else:
            made = rng.choice(_SENTENCES)
    return made, made
