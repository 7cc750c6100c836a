"""SQL whose words and values a database cannot read."""

from __future__ import annotations

import random
import re

from narrowgauge.training.specialist.recovery_sql_query import RightQuery

__all__ = ["date_form", "quote", "syntax", "unknown_function", "value_type"]

_DATES = re.compile(r"'(\d{4})-(\d\d)-(\d\d)'")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOW = ("NOW()", "CURDATE()", "GETDATE()", "TODAY()", "SYSDATE()", "DATE_SUB(NOW(), 30)")


def unknown_function(query: RightQuery, rng: random.Random) -> str | None:
    """Calls a function of another database."""
    dates = list(_DATES.finditer(query.text))
    if dates and rng.random() < 0.6:
        found = rng.choice(dates)
        return query.text[: found.start()] + rng.choice(_NOW) + query.text[found.end() :]
    function = rng.choice(("YEAR", "LCASE", "TO_CHAR", "DATE_FORMAT", "CONCAT_ALL", "MEDIAN", "UCASE", "DAY"))
    column = re.search(r"(?<=WHERE )([\w.]+)(?= (?:=|>|<|LIKE))", query.text)
    if column is None:
        return None
    return query.text[: column.start()] + f"{function}({column[0]})" + query.text[column.end() :]


def quote(query: RightQuery, rng: random.Random) -> str | None:
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


def date_form(query: RightQuery, rng: random.Random) -> str | None:
    """Writes a date as people do."""
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


def value_type(query: RightQuery, rng: random.Random) -> str | None:
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


def syntax(query: RightQuery, rng: random.Random) -> str | None:
    """Breaks the order of words, or takes those of another database."""
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
