"""The demo company's warehouse: a seeded SQLite database of some twelve thousand rows.

    python -m narrowgauge.demo.warehouse PATH

Its customers are the accounts of the demo organisation. Dates end at `TODAY`, the date of the demo.
"""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from narrowgauge.demo.names import companies, people

__all__ = ["SCHEMA", "TODAY", "build_warehouse", "rows_of_warehouse"]

TODAY = dt.date(2026, 3, 2)

SCHEMA = """
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  customer_number TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  country TEXT NOT NULL,
  industry TEXT NOT NULL,
  segment TEXT NOT NULL,
  since DATE NOT NULL
);
CREATE TABLE employees (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  department TEXT NOT NULL,
  city TEXT NOT NULL,
  hire_date DATE NOT NULL,
  salary NUMERIC(10, 2) NOT NULL,
  manager_id INTEGER REFERENCES employees (id)
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  sku TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  price NUMERIC(10, 2) NOT NULL,
  discontinued BOOLEAN NOT NULL
);
CREATE TABLE inventory (
  id INTEGER PRIMARY KEY,
  product_id INTEGER NOT NULL REFERENCES products (id),
  warehouse TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  reorder_level INTEGER NOT NULL
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  employee_id INTEGER NOT NULL REFERENCES employees (id),
  order_date DATE NOT NULL,
  status TEXT NOT NULL,
  channel TEXT NOT NULL,
  total NUMERIC(12, 2) NOT NULL
);
CREATE TABLE order_items (
  id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (id),
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL,
  unit_price NUMERIC(10, 2) NOT NULL
);
CREATE TABLE invoices (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  order_id INTEGER NOT NULL REFERENCES orders (id),
  amount NUMERIC(12, 2) NOT NULL,
  status TEXT NOT NULL,
  issue_date DATE NOT NULL,
  due_date DATE NOT NULL,
  paid_date DATE
);
CREATE TABLE shipments (
  id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (id),
  carrier TEXT NOT NULL,
  status TEXT NOT NULL,
  ship_date DATE NOT NULL,
  delivery_date DATE,
  weight_kg NUMERIC(8, 1) NOT NULL
);
CREATE TABLE support_tickets (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  product_id INTEGER REFERENCES products (id),
  employee_id INTEGER REFERENCES employees (id),
  subject TEXT NOT NULL,
  priority TEXT NOT NULL,
  status TEXT NOT NULL,
  opened_date DATE NOT NULL,
  closed_date DATE,
  notes TEXT NOT NULL
);
"""

_TABLES = {
    "customers": 8,
    "employees": 8,
    "products": 6,
    "inventory": 5,
    "orders": 7,
    "order_items": 5,
    "invoices": 8,
    "shipments": 7,
    "support_tickets": 10,
}
_DEPARTMENTS = {
    "Sales": ("Sales Representative", "Account Manager", "Sales Director"),
    "Support": ("Support Engineer", "Support Lead"),
    "Logistics": ("Dispatcher", "Warehouse Manager", "Picker"),
    "Finance": ("Accountant", "Controller"),
    "Engineering": ("Engineer", "Senior Engineer", "Engineering Manager"),
    "Marketing": ("Campaign Manager", "Copywriter"),
}
_PRODUCTS = {
    "Packaging": (
        "Carton Box",
        "Bubble Mailer",
        "Pallet Wrap",
        "Packing Tape",
        "Foam Insert",
        "Shipping Tube",
    ),
    "Tools": ("Cordless Drill", "Torque Wrench", "Utility Knife", "Socket Set", "Heat Gun", "Laser Level"),
    "Safety": ("Safety Helmet", "Work Gloves", "Ear Protectors", "First Aid Kit", "Hi-Vis Vest", "Goggles"),
    "Lighting": ("LED Panel", "Work Lamp", "Exit Sign", "Floodlight", "Headlamp", "Dimmer Module"),
    "Storage": ("Steel Shelf", "Parts Bin", "Tool Cabinet", "Wire Rack", "Storage Crate", "Label Holder"),
    "Electronics": (
        "Barcode Scanner",
        "Label Printer",
        "Floor Scale",
        "Battery Pack",
        "Tablet Mount",
        "Sensor",
    ),
}
_VARIANTS = ("S", "M", "L", "Pro")
_WAREHOUSES = ("Berlin", "Chicago", "Singapore", "Rotterdam")
_CARRIERS = ("DHL", "FedEx", "UPS", "Maersk", "DB Schenker")
_TICKETS = (
    (
        "Late delivery",
        "The parcel was promised for {day} and has not arrived. The customer called {n} times.",
    ),
    ("Damaged goods", "{n} of the {product} units arrived with broken corners. Photos are attached."),
    ("Wrong item shipped", "The customer ordered {product} and received something else in {n} boxes."),
    ("Invoice question", "The invoice of {day} shows {n} items that the customer did not order."),
    ("Missing parts", "{n} screws are missing from the {product}. The customer cannot finish the assembly."),
    ("Refund request", "The customer returned {n} units on {day} and waits for the refund."),
    ("Technical question", "The {product} stops after {n} minutes. A restart helps for a while."),
    ("Bulk discount", "The customer asks for a quote over {n} units of {product} by {day}."),
)

_Row = tuple[object, ...]


def build_warehouse(path: Path, seed: int = 7) -> None:
    """Writes the database, in place of an older one; the same seed gives the same rows.

    Raises:
        OSError: The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".partial")
    scratch.unlink(missing_ok=True)
    connection = sqlite3.connect(scratch)
    try:
        connection.executescript(SCHEMA)
        for table, rows in rows_of_warehouse(seed):
            marks = ", ".join("?" * _TABLES[table])
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()
    finally:
        connection.close()
    scratch.replace(path)


def rows_of_warehouse(seed: int = 7) -> Iterable[tuple[str, Sequence[_Row]]]:
    """Yields each table's name and rows, parents before children, so that any database can take them."""
    rng = random.Random(seed)
    yield "customers", _customers(rng)
    employees = _employees(rng)
    yield "employees", employees
    products = _products(rng)
    yield "products", products
    yield "inventory", _inventory(rng, len(products))
    orders, items = _orders(rng, products, employees)
    yield "orders", orders
    yield "order_items", items
    yield "invoices", _invoices(rng, orders)
    yield "shipments", _shipments(rng, orders)
    yield "support_tickets", _tickets(rng, products, employees)


def _customers(rng: random.Random) -> list[_Row]:
    return [
        (
            number,
            f"C-{1000 + number}",
            company.name,
            company.city,
            company.country,
            company.industry,
            rng.choices(("Enterprise", "Mid-Market", "Small Business"), (2, 3, 5))[0],
            str(TODAY - dt.timedelta(days=rng.randint(200, 4000))),
        )
        for number, company in enumerate(companies(), start=1)
    ]


def _employees(rng: random.Random) -> list[_Row]:
    names = [f"{a.first_name} {b.last_name}" for a, b in zip(people()[::3], people()[1::3], strict=False)]
    rows: list[_Row] = []
    managers: dict[str, int] = {}
    for number, name in enumerate(dict.fromkeys(names), start=1):
        department = list(_DEPARTMENTS)[number % len(_DEPARTMENTS)]
        title = rng.choice(_DEPARTMENTS[department])
        hired = TODAY - dt.timedelta(days=rng.randint(30, 4200))
        salary = round(rng.gauss(62000, 14000), -2)
        manager = managers.get(department)
        managers.setdefault(department, number)
        city = rng.choice(_WAREHOUSES)
        rows.append((number, name, title, department, city, str(hired), max(31000.0, salary), manager))
    return rows


def _products(rng: random.Random) -> list[_Row]:
    rows: list[_Row] = []
    for category, names in _PRODUCTS.items():
        for name in names:
            base = rng.uniform(4, 320)
            for step, variant in enumerate(rng.sample(_VARIANTS, rng.randint(2, 4))):
                number = len(rows) + 1
                sku = f"{category[:3].upper()}-{number:04}"
                price = round(base * (1 + 0.4 * step), 2)
                rows.append((number, sku, f"{name} {variant}", category, price, int(rng.random() < 0.07)))
    return rows


def _inventory(rng: random.Random, products: int) -> list[_Row]:
    rows: list[_Row] = []
    for product in range(1, products + 1):
        for warehouse in rng.sample(_WAREHOUSES, rng.randint(2, 4)):
            quantity = int(rng.triangular(0, 900, 60))
            rows.append((len(rows) + 1, product, warehouse, quantity, rng.choice((10, 20, 25, 50, 100))))
    return rows


def _orders(
    rng: random.Random, products: Sequence[_Row], employees: Sequence[_Row]
) -> tuple[list[_Row], list[_Row]]:
    sellers = [row[0] for row in employees if row[3] == "Sales"]
    orders: list[_Row] = []
    items: list[_Row] = []
    days = sorted(rng.randint(0, 790) for _ in range(2400))
    for number, age in enumerate(reversed(days), start=1):
        day = TODAY - dt.timedelta(days=age)
        total = 0.0
        for product in rng.sample(products, rng.choices((1, 2, 3, 5), (4, 4, 3, 1))[0]):
            quantity = rng.choice((1, 2, 5, 10, 10, 20, 50))
            price = float(str(product[4]))
            total += quantity * price
            items.append((len(items) + 1, number, product[0], quantity, price))
        # A few customers order much, most order little.
        customer = min(
            len(companies()), 1 + int(rng.paretovariate(0.9)) * rng.randint(1, 60) % len(companies())
        )
        statuses = (
            ("pending", "processing")
            if age < 12
            else ("shipped", "delivered")
            if age < 30
            else ("delivered",)
        )
        status = "cancelled" if rng.random() < 0.05 else rng.choice(statuses)
        channel = rng.choice(("web", "web", "phone", "partner"))
        orders.append((number, customer, rng.choice(sellers), str(day), status, channel, round(total, 2)))
    return orders, items


def _invoices(rng: random.Random, orders: Sequence[_Row]) -> list[_Row]:
    rows: list[_Row] = []
    for order in orders:
        if order[4] in ("cancelled", "pending"):
            continue
        issued = dt.date.fromisoformat(str(order[3])) + dt.timedelta(days=rng.randint(0, 4))
        if issued > TODAY:
            continue
        due = issued + dt.timedelta(days=rng.choice((14, 30, 30, 60)))
        paid = due + dt.timedelta(days=round(rng.gauss(-4, 9)))
        settled = paid <= TODAY and rng.random() < 0.93
        status = "paid" if settled else "overdue" if due < TODAY else "unpaid"
        paid_date = str(max(paid, issued)) if settled else None
        rows.append((len(rows) + 1, order[1], order[0], order[6], status, str(issued), str(due), paid_date))
    return rows


def _shipments(rng: random.Random, orders: Sequence[_Row]) -> list[_Row]:
    rows: list[_Row] = []
    for order in orders:
        if order[4] not in ("shipped", "delivered"):
            continue
        shipped = min(TODAY, dt.date.fromisoformat(str(order[3])) + dt.timedelta(days=rng.randint(1, 5)))
        arrived = shipped + dt.timedelta(days=rng.randint(1, 14))
        done = order[4] == "delivered" and arrived <= TODAY
        status = "delivered" if done else rng.choice(("in transit", "in transit", "delayed"))
        weight = round(rng.uniform(0.4, 480), 1)
        arrival = str(arrived) if done else None
        rows.append((len(rows) + 1, order[0], rng.choice(_CARRIERS), status, str(shipped), arrival, weight))
    return rows


def _tickets(rng: random.Random, products: Sequence[_Row], employees: Sequence[_Row]) -> list[_Row]:
    agents = [row[0] for row in employees if row[3] == "Support"]
    rows: list[_Row] = []
    for age in sorted((rng.randint(0, 500) for _ in range(420)), reverse=True):
        opened = TODAY - dt.timedelta(days=age)
        subject, note = rng.choice(_TICKETS)
        product = rng.choice(products)
        day = opened - dt.timedelta(days=rng.randint(1, 9))
        closed = opened + dt.timedelta(days=rng.randint(0, 25))
        done = closed <= TODAY and rng.random() < 0.85
        rows.append(
            (
                len(rows) + 1,
                rng.randint(1, len(companies())),
                product[0] if "{product}" in note else None,
                rng.choice(agents) if rng.random() < 0.9 else None,
                subject,
                rng.choices(("low", "normal", "high", "urgent"), (3, 5, 3, 1))[0],
                "closed" if done else rng.choice(("open", "pending")),
                str(opened),
                str(closed) if done else None,
                note.format(day=day, n=rng.randint(2, 40), product=product[2]),
            )
        )
    return rows


if __name__ == "__main__":
    build_warehouse(Path(sys.argv[1]))
