"""Results of the SQL and Salesforce tools as rows, with what a reader calls their parts."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narrowgauge.demo.names import companies, people
from narrowgauge.training.specialist.salesforce_values import record_id

__all__ = ["Cell", "Part", "Result", "draw_result", "text_of_result"]

Cell = str | float | None


@dataclass(frozen=True)
class Part:
    """A column that a summary speaks of.

    Attributes:
        column: Its name.
        words: How people call it.
        high: Words for its greatest value (`largest`).
        low: Words for its least value.
    """

    column: str
    words: str
    high: str = "largest"
    low: str = "smallest"


@dataclass(frozen=True)
class Result:
    """A tool's result.

    Attributes:
        rows: Column name to value, as the tool answers.
        one: What a row is, in the singular.
        many: The same in the plural.
        name: Column that tells rows apart.
        prefix: Words before that column's value (`invoice`), or empty when it is a name by itself.
        measure: A column of numbers, or None.
        date: A column of dates, or None; its words go before `on`.
        category: A column of few values, or None; its words are a form such as `{} priority`.
        order: `down` or `up` when the rows are in the order of the measure, else empty.
    """

    rows: tuple[dict[str, Cell], ...]
    one: str
    many: str
    name: str
    prefix: str = ""
    measure: Part | None = None
    date: Part | None = None
    category: Part | None = None
    order: str = ""

    def label(self, index: int) -> str:
        """Returns what a row is called."""
        name = plain(self.rows[index][self.name])
        return f"{self.prefix} {name}" if self.prefix else name

    def values(self, part: Part) -> list[str]:
        """Returns a column's values as the prompt and the source show them."""
        return [plain(row[part.column]) for row in self.rows]


def plain(value: Cell) -> str:
    """Writes a value as the router writes it into a result's text."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def text_of_result(rows: Sequence[dict[str, Cell]]) -> str:
    """Writes rows as the router does: a header and a line a row."""
    if not rows:
        return "no rows"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(names), *(" | ".join(plain(row.get(name)) for name in names) for row in rows)]
    return "\n".join(lines)


def draw_result(today: dt.date, rng: random.Random) -> Result:
    """Draws a result of one to twelve rows, short enough for a training prompt, with days around today."""
    while True:
        result = rng.choices(list(_MAKERS), list(_MAKERS.values()))[0](today, rng)
        if len(text_of_result(result.rows)) <= _MAX_CHARS:
            return result


_MAX_CHARS = 330
_PREFIXES = {"Case": "500", "Task": "00T", "Opportunity": "006"}
_STATUSES = {
    "invoices": ("paid", "unpaid", "overdue"),
    "orders": ("pending", "processing", "shipped", "delivered", "cancelled"),
    "shipments": ("in transit", "delivered", "delayed"),
    "tickets": ("open", "pending", "closed"),
}
_GROUPS = {
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
_PRODUCTS = tuple(
    f"{name} {variant}"
    for name in (
        *("Carton Box", "Bubble Mailer", "Pallet Wrap", "Cordless Drill", "Torque Wrench", "Heat Gun"),
        *("Safety Helmet", "Work Gloves", "First Aid Kit", "LED Panel", "Work Lamp", "Steel Shelf"),
        *("Parts Bin", "Barcode Scanner", "Label Printer", "Floor Scale", "Laser Level", "Tool Cabinet"),
    )
    for variant in ("S", "M", "L", "Pro")
)
_SUBJECTS = (
    *("Late delivery", "Damaged goods", "Wrong item shipped", "Invoice question", "Missing parts"),
    *("Refund request", "Technical question", "Bulk discount", "Login problem", "Unpaid invoices"),
    *("Billing error", "Warranty claim", "Password reset", "Contract renewal", "Shipment delayed"),
)


def _money(rng: random.Random) -> float:
    scale = rng.choice((100, 1000, 5000, 40000, 90000))
    value = rng.uniform(scale / 10, scale)
    return float(round(value)) if rng.random() < 0.2 else round(value, 2)


def _whole(rng: random.Random) -> int:
    return rng.choice((rng.randint(1, 40), rng.randint(10, 900), rng.randint(100, 9000)))


def _day(today: dt.date, rng: random.Random) -> str:
    return str(today + dt.timedelta(days=rng.randint(-400, 40)))


def _person(rng: random.Random) -> str:
    return f"{rng.choice(people()).first_name} {rng.choice(people()).last_name}"


def _count(rng: random.Random) -> int:
    return rng.choices((1, 2, 3, 4, 5, 6, 8, 10, 12), (3, 4, 6, 4, 8, 2, 1, 1, 1))[0]


def _ordered(
    values: list[float] | list[int], rng: random.Random, up: float = 0.15
) -> tuple[list[float], str]:
    """Mostly sorts values downwards, as a query for the top ones does."""
    drawn = rng.random()
    distinct = len(set(values)) == len(values) and len(values) > 1
    if not distinct or drawn < 0.2:
        return list(values), ""
    falling = drawn >= 0.2 + up
    return sorted(values, reverse=falling), "down" if falling else "up"


def _customers(today: dt.date, rng: random.Random) -> Result:
    count = _count(rng)
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
    values, order = _ordered([_money(rng) if money else _whole(rng) for _ in range(count)], rng)
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
    count = min(_count(rng), 6)
    values, order = _ordered([_money(rng) for _ in range(count)], rng)
    if one == "shipment":
        values = [round(value % 480 + 0.4, 1) for value in values]
        order = ""
    same = rng.choice(_STATUSES[many]) if rng.random() < 0.5 else ""
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
            row["status"] = same or rng.choice(_STATUSES[many])
        if with_day:
            row[day.column] = _day(today, rng)
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


def _invoices(today: dt.date, rng: random.Random) -> Result:
    return _numbered(today, rng, "invoice", "invoices", Part("amount", "amount"), Part("due_date", "is due"))


def _orders(today: dt.date, rng: random.Random) -> Result:
    return _numbered(today, rng, "order", "orders", Part("total", "total"), Part("order_date", "was placed"))


def _shipments(today: dt.date, rng: random.Random) -> Result:
    return _numbered(
        today, rng, "shipment", "shipments", Part("weight_kg", "weight"), Part("ship_date", "was shipped")
    )


def _products(today: dt.date, rng: random.Random) -> Result:
    count = min(_count(rng), 8)
    part, money = rng.choice(
        (
            (Part("price", "price", "highest", "lowest"), True),
            (Part("quantity", "quantity"), False),
            (Part("sum_quantity", "total quantity"), False),
            (Part("avg_unit_price", "average unit price", "highest", "lowest"), True),
        )
    )
    values, order = _ordered([_money(rng) if money else _whole(rng) for _ in range(count)], rng, up=0.3)
    warehouse = part.column == "quantity" and rng.random() < 0.5
    rows: list[dict[str, Cell]] = []
    for name, value in zip(rng.sample(_PRODUCTS, count), values, strict=True):
        row: dict[str, Cell] = {"name": name}
        if warehouse:
            row["warehouse"] = rng.choice(_GROUPS["warehouse"])
        rows.append(row | {part.column: value})
    return Result(tuple(rows), "product", "products", "name", measure=part, order=order)


def _employees(today: dt.date, rng: random.Random) -> Result:
    count = min(_count(rng), 6)
    values, order = _ordered([float(rng.randint(310, 990) * 100) for _ in range(count)], rng)
    same = rng.choice(_GROUPS["department"]) if rng.random() < 0.4 else ""
    rows: list[dict[str, Cell]] = []
    for value in values:
        department = same or rng.choice(_GROUPS["department"])
        rows.append({"name": _person(rng), "department": department, "salary": value})
    measure = Part("salary", "salary", "highest", "lowest")
    category = Part("department", "in {}")
    return Result(
        tuple(rows), "employee", "employees", "name", measure=measure, category=category, order=order
    )


def _tickets(today: dt.date, rng: random.Random) -> Result:
    count = min(_count(rng), 5)
    same = {
        "status": rng.choice(_STATUSES["tickets"]) if rng.random() < 0.6 else "",
        "priority": rng.choice(_GROUPS["priority"]) if rng.random() < 0.4 else "",
    }
    key = "id" if rng.random() < 0.4 else "name"
    rows: list[dict[str, Cell]] = []
    numbers = sorted(rng.sample(range(1, 420), count))
    for number, company in zip(numbers, rng.sample(companies(), count), strict=True):
        row: dict[str, Cell] = {"id": number} if key == "id" else {"name": company.name}
        row["subject"] = rng.choice(_SUBJECTS[:8])
        row["priority"] = same["priority"] or rng.choice(_GROUPS["priority"])
        row["status"] = same["status"] or rng.choice(_STATUSES["tickets"])
        rows.append(row)
    column = "priority" if same["priority"] else "status"
    form = "of {} priority" if column == "priority" else "{}"
    prefix = "ticket" if key == "id" else "the ticket of"
    return Result(tuple(rows), "ticket", "tickets", key, prefix=prefix, category=Part(column, form))


def _groups(today: dt.date, rng: random.Random) -> Result:
    column = rng.choice(list(_GROUPS))
    count = min(rng.randint(2, 8), len(_GROUPS[column]))
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
    values, order = _ordered([_money(rng) if money else _whole(rng) for _ in range(count)], rng)
    names = rng.sample(_GROUPS[column], count)
    rows: list[dict[str, Cell]] = [
        {column: name, part.column: value} for name, value in zip(names, values, strict=True)
    ]
    many = {"country": "countries", "city": "cities", "industry": "industries", "category": "categories"}
    many |= {"status": "statuses", "priority": "priorities"}
    return Result(tuple(rows), column, many.get(column, f"{column}s"), column, measure=part, order=order)


def _scalar(today: dt.date, rng: random.Random) -> Result:
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
    value = _money(rng) if money else _whole(rng)
    return Result(({column: value},), "", "", "", measure=Part(column, words))


def _cases(today: dt.date, rng: random.Random) -> Result:
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    status = rng.choice(("New", "Working", "Escalated", "Closed")) if rng.random() < 0.7 else ""
    priority = rng.choice(("High", "Medium", "Low")) if rng.random() < 0.6 else ""
    number = rng.randint(1000, 1400)
    with_company = rng.random() < 0.5
    rows: list[dict[str, Cell]] = []
    for _ in range(count):
        number += rng.randint(1, 9)
        row: dict[str, Cell] = {"object": "Case", "id": record_id("500", rng), "CaseNumber": f"{number:08}"}
        row["Subject"] = rng.choice(_SUBJECTS)
        row["Status"] = status or rng.choice(("New", "Working", "Escalated"))
        row["Priority"] = priority or rng.choice(("High", "Medium", "Low"))
        if with_company:
            row["SuppliedCompany"] = rng.choice(companies()).name
        rows.append(row)
    category = Part("Priority", "of {} priority") if priority else Part("Status", "{}")
    return Result(tuple(rows), "case", "cases", "CaseNumber", prefix="case", category=category)


def _opportunities(today: dt.date, rng: random.Random) -> Result:
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    values, order = _ordered([float(rng.randint(20, 2400) * 100) for _ in range(count)], rng)
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


def _leads(today: dt.date, rng: random.Random) -> Result:
    count = rng.choices((1, 2, 3, 4), (2, 4, 4, 1))[0]
    statuses = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted")
    same = rng.choice(statuses) if rng.random() < 0.6 else ""
    rows: list[dict[str, Cell]] = []
    for company in rng.sample(companies(), count):
        row: dict[str, Cell] = {"object": "Lead", "id": record_id("00Q", rng), "Name": _person(rng)}
        rows.append(row | {"Company": company.name, "Status": same or rng.choice(statuses)})
    return Result(tuple(rows), "lead", "leads", "Name", category=Part("Status", "in the status {}"))


def _written(today: dt.date, rng: random.Random) -> Result:
    """Records that a step made or changed for each row of an earlier one."""
    count = rng.choices((2, 3, 4, 5), (3, 4, 2, 3))[0]
    kind = rng.choice(("Case", "Case", "Case", "Task", "Opportunity"))
    values, order = _ordered([_money(rng) for _ in range(count)], rng, up=0.0)
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


_MAKERS: dict[Callable[[dt.date, random.Random], Result], float] = {
    _customers: 5.0,
    _invoices: 2.0,
    _orders: 1.5,
    _shipments: 0.7,
    _products: 2.0,
    _employees: 1.0,
    _tickets: 1.5,
    _groups: 2.5,
    _scalar: 1.2,
    _cases: 3.0,
    _opportunities: 1.5,
    _leads: 1.0,
    _written: 2.0,
}
