"""SQL that names what the database does not have, or not there."""

from __future__ import annotations

import random
import re

from sqlglot import exp

from narrowgauge.training.specialist.recovery_sql_query import RightQuery
from narrowgauge.training.specialist.sql_schema import plural, singular

__all__ = ["ambiguous", "missing_join", "other_table", "wrong_column", "wrong_table"]

_SYNONYMS = {
    "amount": ("total_amount", "invoice_amount", "value", "sum"),
    "total": ("amount", "order_total", "total_price", "value"),
    "price": ("unit_cost", "list_price", "cost", "amount"),
    "unit_price": ("price_each", "item_price"),
    "salary": ("wage", "annual_salary", "pay", "income"),
    "name": ("full_name", "title_name", "label"),
    "status": ("state", "status_code", "current_status"),
    "country": ("country_name", "nation", "region"),
    "city": ("town", "city_name", "location"),
    "industry": ("sector", "branch"),
    "segment": ("tier", "customer_type"),
    "since": ("customer_since", "created_at", "start_date"),
    "hire_date": ("hired_on", "start_date", "joined"),
    "order_date": ("date", "ordered_at", "created_at"),
    "issue_date": ("invoice_date", "date", "issued_on"),
    "due_date": ("deadline", "due_on", "payment_due"),
    "paid_date": ("payment_date", "paid_on", "paid_at"),
    "ship_date": ("shipped_on", "shipping_date", "date"),
    "delivery_date": ("delivered_on", "arrival_date"),
    "opened_date": ("created_at", "opened_on", "date"),
    "closed_date": ("resolved_at", "closed_on"),
    "quantity": ("qty", "stock", "amount", "units"),
    "department": ("dept", "team", "department_name"),
    "category": ("type", "product_category", "family"),
    "priority": ("urgency", "severity", "prio"),
    "carrier": ("shipper", "carrier_name"),
    "weight_kg": ("weight", "kg"),
    "channel": ("source", "sales_channel"),
    "customers": ("clients", "accounts", "companies"),
    "employees": ("staff", "workers", "people"),
    "products": ("items", "articles", "goods"),
    "inventory": ("stock", "stock_levels", "inventories"),
    "orders": ("purchases", "sales", "sales_orders"),
    "order_items": ("order_lines", "line_items", "orderitems"),
    "invoices": ("bills", "invoice_list", "receivables"),
    "shipments": ("deliveries", "parcels", "consignments"),
    "support_tickets": ("tickets", "issues", "cases"),
}


def _misnamed(name: str, table: str, taken: list[str], rng: random.Random) -> str | None:
    """Another name for a column or table: a synonym, a longer or shorter form, or a slip of the finger."""
    head, _, tail = name.rpartition("_")
    forms = [
        *_SYNONYMS.get(name, ()),
        f"{singular(table)}_{name}" if table else f"tbl_{name}",
        re.sub(r"_(\w)", lambda found: found[1].upper(), name),
        plural(name) if singular(name) == name else singular(name),
        tail if head else f"{name}_name",
        name.replace("_", ""),
    ]
    if len(name) > 4:
        at = rng.randrange(1, len(name) - 1)
        forms.append(name[:at] + name[at + 1 :])
        forms.append(name[:at] + name[at + 1] + name[at] + name[at + 2 :])
    usable = [form for form in forms if form.lower() not in taken and form != name]
    return rng.choice(usable) if usable else None


def wrong_column(query: RightQuery, rng: random.Random) -> str | None:
    """Names a column otherwise than the database does."""
    tree = query.tree()
    columns = [c for c in tree.find_all(exp.Column) if query.table_of(tree, c)]
    if not columns:
        return None
    chosen = rng.choice(columns)
    table, name = query.table_of(tree, chosen), chosen.name
    taken = [column for names in query.columns.values() for column in names]
    new = _misnamed(name.lower(), table, taken, rng)
    if new is None:
        return None
    for column in columns:
        if column.name == name and query.table_of(tree, column) == table:
            column.set("this", exp.to_identifier(new))
    return tree.sql("sqlite")


def wrong_table(query: RightQuery, rng: random.Random) -> str | None:
    """Names a table otherwise than the database does."""
    tree = query.tree()
    tables = list(tree.find_all(exp.Table))
    if not tables:
        return None
    name = rng.choice(tables).name
    new = _misnamed(name.lower(), "", list(query.columns), rng)
    if new is None:
        return None
    for table in tables:
        if table.name == name:
            table.set("this", exp.to_identifier(new))
    for column in tree.find_all(exp.Column):
        if column.table == name:
            column.set("table", exp.to_identifier(new))
    return tree.sql("sqlite")


def other_table(query: RightQuery, rng: random.Random) -> str | None:
    """A column looked for in the joined table that does not have it."""
    tree = query.tree()
    names = list(dict.fromkeys(table.name for table in tree.find_all(exp.Table)))
    columns = [
        (column, other)
        for column in tree.find_all(exp.Column)
        for other in names
        if column.table and other != column.table and column.name not in query.columns.get(other, ())
    ]
    if not columns:
        return None
    column, other = rng.choice(columns)
    column.set("table", exp.to_identifier(other))
    return tree.sql("sqlite")


def missing_join(query: RightQuery, rng: random.Random) -> str | None:
    """Leaves out a table whose columns are used."""
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None or not select.args.get("joins"):
        return None
    select.set("joins", select.args["joins"][:-1])
    return tree.sql("sqlite")


def ambiguous(query: RightQuery, rng: random.Random) -> str | None:
    """Leaves out the table of a column that several have."""
    tree = query.tree()
    names = [table.name.lower() for table in tree.find_all(exp.Table)]
    columns = [
        column
        for column in tree.find_all(exp.Column)
        if column.table and sum(column.name in query.columns.get(name, ()) for name in names) > 1
    ]
    if not columns:
        return None
    rng.choice(columns).set("table", None)
    return tree.sql("sqlite")
