"""SQL that goes wrong in the ways in which people and models get it wrong, made out of right queries.

Each rule takes a query's syntax tree and returns text that a database should refuse, or None where the query
has nothing that the rule could break. Whether a database does refuse it is found out by running it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

from narrowgauge.training.specialist.sql_schema import plural, singular
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["broken_queries", "guessed_query"]

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
_DATES = re.compile(r"'(\d{4})-(\d\d)-(\d\d)'")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOW = ("NOW()", "CURDATE()", "GETDATE()", "TODAY()", "SYSDATE()", "DATE_SUB(NOW(), 30)")


class _Query:
    """A right query and what exists.

    Attributes:
        text: The query.
        columns: Column names by table, both in lower case.
    """

    def __init__(self, text: str, catalogue: Catalogue) -> None:
        self.text = text
        self.columns = {
            entity.name.lower(): [field.name.lower() for field in entity.fields]
            for entity in catalogue.entities
        }

    def tree(self) -> exp.Expr:
        """Returns a tree of its own for each rule to change."""
        return sqlglot.parse_one(self.text, read="sqlite")

    def table_of(self, tree: exp.Expr, column: exp.Column) -> str:
        """Name of the table that has a column; empty when it is not clear."""
        if column.table:
            named = {t.alias_or_name.lower(): t.name.lower() for t in tree.find_all(exp.Table)}
            return named.get(column.table.lower(), "")
        names = [t.name.lower() for t in tree.find_all(exp.Table)]
        return next((name for name in names if column.name.lower() in self.columns.get(name, ())), "")


_Rule = Callable[[_Query, random.Random], str | None]


def broken_queries(sql: str, catalogue: Catalogue, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yields kinds of errors with a query that has one, in random order.

    Args:
        sql: A right query, as the surface writes it.
        catalogue: Of its database.
        rng: Draws.
    """
    query = _Query(sql, catalogue)
    rules = list(_RULES.items())
    rng.shuffle(rules)
    for kind, rule in rules:
        broken = rule(query, rng)
        if broken is not None and broken != sql:
            yield kind, _surface_style(broken)


def _surface_style(sql: str) -> str:
    """Negations as the surface writes them, and not as sqlglot does."""
    sql = re.sub(r"\bNOT ([\w.]+) (IN|LIKE|BETWEEN) ", r"\1 NOT \2 ", sql)
    return re.sub(r"\bNOT ([\w.]+) IS NULL", r"\1 IS NOT NULL", sql)


def guessed_query(request: str, catalogue: Catalogue, rng: random.Random) -> tuple[str, str]:
    """Returns the kind of error and a query that asks for data which the database does not have."""
    words = [word for word in re.findall(r"[a-z]+", request.lower()) if word not in _STOP]
    names = {entity.name: entity for entity in catalogue.entities}
    tables = [name for name in names if name in words or singular(name) in words]
    rest = [word for word in words if word not in tables and plural(word) not in tables]
    guess = "_".join(rest[-2:]) or "details"
    if tables and rng.random() < 0.8:
        table = tables[0]
        shown = "name, " if any(field.name == "name" for field in names[table].fields) else ""
        form = rng.choice(
            (
                f"SELECT {shown}{guess} FROM {table}",
                f"SELECT {guess} FROM {table}",
                f"SELECT AVG({guess}) FROM {table}",
                f"SELECT * FROM {table} ORDER BY {guess} DESC LIMIT 1",
                f"SELECT * FROM {table} WHERE {guess} IS NOT NULL",
            )
        )
        return "unknown_column_asked", form
    form = rng.choice((f"SELECT * FROM {guess}", f"SELECT COUNT(*) FROM {guess}"))
    if rng.random() < 0.5:
        table = rng.choice(sorted(names))
        return "unknown_column_asked", f"SELECT {guess} FROM {table}"
    return "unknown_table_asked", form


_STOP = frozenset(
    re.findall(
        r"\w+",
        "a all an and any are as at by can did do does each every find for from get give has have "
        "highest how i in is it its latest list many me most much my newest number of on our "
        "please right s show tell that the their them there these they this to today tomorrow us "
        "was we were what whats when where which who whose will with you your now ",
    )
)


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


def _wrong_column(query: _Query, rng: random.Random) -> str | None:
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


def _wrong_table(query: _Query, rng: random.Random) -> str | None:
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


def _other_table(query: _Query, rng: random.Random) -> str | None:
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


def _missing_join(query: _Query, rng: random.Random) -> str | None:
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None or not select.args.get("joins"):
        return None
    select.set("joins", select.args["joins"][:-1])
    return tree.sql("sqlite")


def _ambiguous(query: _Query, rng: random.Random) -> str | None:
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


def _aggregate_in_where(query: _Query, rng: random.Random) -> str | None:
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None:
        return None
    having = select.args.get("having")
    if having is not None:
        select.set("having", None)
        select.where(having.this, copy=False)
        return tree.sql("sqlite")
    for inner in list(tree.find_all(exp.Subquery)):
        found = inner.find(exp.AggFunc)
        if found is not None and isinstance(inner.parent, exp.Binary):
            inner.replace(found.copy())
            return tree.sql("sqlite")
    aggregate = select.find(exp.AggFunc)
    if aggregate is None or not select.args.get("group"):
        return None
    select.where(exp.GT(this=aggregate.copy(), expression=exp.Literal.number(rng.randint(1, 9))), copy=False)
    return tree.sql("sqlite")


def _nested_aggregate(query: _Query, rng: random.Random) -> str | None:
    tree = query.tree()
    select = tree.find(exp.Select)
    aggregates = list(tree.find_all(exp.AggFunc))
    if select is None or not aggregates:
        return None
    outer = rng.choice((exp.Max, exp.Avg, exp.Sum))
    inner = rng.choice(aggregates)
    if isinstance(inner.parent, exp.Ordered):
        select.select(outer(this=inner.copy()), copy=False)
    else:
        inner.replace(outer(this=inner.copy()))
    return tree.sql("sqlite")


def _missing_group(query: _Query, rng: random.Random) -> str | None:
    tree = query.tree()
    select = tree.find(exp.Select)
    if select is None or not select.args.get("group"):
        return None
    select.set("group", None)
    return tree.sql("sqlite")


def _more_columns_inside(query: _Query, rng: random.Random) -> str | None:
    """A query in a condition that returns two columns where one is compared."""
    tree = query.tree()
    for inner in tree.find_all(exp.Select):
        if inner.parent is None or isinstance(inner.parent, exp.SetOperation):
            continue
        table = inner.find(exp.Table)
        columns = query.columns.get(table.name.lower(), []) if table is not None else []
        if columns:
            inner.select(rng.choice(columns), copy=False)
            return tree.sql("sqlite")
    return None


def _unknown_function(query: _Query, rng: random.Random) -> str | None:
    dates = list(_DATES.finditer(query.text))
    if dates and rng.random() < 0.6:
        found = rng.choice(dates)
        return query.text[: found.start()] + rng.choice(_NOW) + query.text[found.end() :]
    function = rng.choice(("YEAR", "LCASE", "TO_CHAR", "DATE_FORMAT", "CONCAT_ALL", "MEDIAN", "UCASE", "DAY"))
    column = re.search(r"(?<=WHERE )([\w.]+)(?= (?:=|>|<|LIKE))", query.text)
    if column is None:
        return None
    return query.text[: column.start()] + f"{function}({column[0]})" + query.text[column.end() :]


def _quote(query: _Query, rng: random.Random) -> str | None:
    """A text value that is not quoted, not closed, or in double quotes."""
    values = list(re.finditer(r"'((?:[^']|'')*)'", query.text))
    if not values:
        return None
    found = rng.choice(values)
    value = found[1]
    forms = [f'"{value}"', f"'{value}", value, f"`{value}", f"'{value}''"]
    if "''" in value:
        forms = [f"'{value.replace(chr(39) * 2, chr(39))}'"]
    return query.text[: found.start()] + rng.choice(forms) + query.text[found.end() :]


def _date_form(query: _Query, rng: random.Random) -> str | None:
    dates = list(_DATES.finditer(query.text))
    if not dates:
        return None
    found = rng.choice(dates)
    year, month, day = found.groups()
    form = rng.choice(
        (
            f"{day}.{month}.{year[2:]}",
            f"{_MONTHS[int(month) - 1]} {year}",
            f"{year}-{month}-32",
            f"{year}-13-{day}",
            f"{int(day) + 12}/{month}/{year}",
            f"Q{(int(month) + 2) // 3} {year}",
            "last month",
            "this year",
            f"{year}-{month}",
            f"week {int(day)} of {year}",
            f"{year}{month}{day}T",
        )
    )
    return f"{query.text[: found.start()]}'{form}'{query.text[found.end() :]}"


def _value_type(query: _Query, rng: random.Random) -> str | None:
    """Words where a number is compared, or a number where a truth value is."""
    numbers = list(re.finditer(r"(?<=[=<>] )\d+(?:\.\d+)?\b", query.text))
    if not numbers:
        return None
    found = rng.choice(numbers)
    number = float(found[0])
    forms = (
        f"'{int(number):,}'",
        f"'${found[0]}'",
        "'many'",
        f"'{found[0]} EUR'",
        "'high'",
        "'five'",
        "'n/a'",
    )
    return query.text[: found.start()] + rng.choice(forms) + query.text[found.end() :]


def _syntax(query: _Query, rng: random.Random) -> str | None:
    text = query.text
    limit = re.search(r" LIMIT (\d+)$", text)
    forms = [text.replace(" FROM ", " FORM ", 1), text.replace(" FROM ", ", FROM ", 1), f"{text})"]
    if limit:
        forms += [text[: limit.start()].replace("SELECT ", f"SELECT TOP {limit[1]} ", 1)] * 3
        forms.append(f"{text[: limit.start()]} FETCH FIRST {limit[1]} ROWS")
    if " DESC" in text:
        forms.append(text.replace(" DESC", " DESCENDING", 1))
    if " AND " in text:
        forms += [text.replace(" AND ", " && ", 1), text.replace(" AND ", ", ", 1)]
    if " WHERE " in text:
        forms.append(text.replace(" WHERE ", " WHERE AND ", 1))
    if " GROUP BY " in text:
        forms.append(text.replace(" GROUP BY ", " GROUP ", 1))
    if " = " in text:
        forms.append(text.replace(" = ", " IS EQUAL TO ", 1))
    if " LIKE " in text:
        forms.append(text.replace(" LIKE ", " CONTAINS ", 1))
    return rng.choice(forms)


_RULES: dict[str, _Rule] = {
    "wrong_column": _wrong_column,
    "wrong_table": _wrong_table,
    "column_of_other_table": _other_table,
    "missing_join": _missing_join,
    "ambiguous_column": _ambiguous,
    "aggregate_in_where": _aggregate_in_where,
    "nested_aggregate": _nested_aggregate,
    "missing_group": _missing_group,
    "columns_of_subquery": _more_columns_inside,
    "unknown_function": _unknown_function,
    "quote": _quote,
    "date_form": _date_form,
    "value_type": _value_type,
    "syntax": _syntax,
}
