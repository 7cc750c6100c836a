"""Amounts that a request gives with a word for their size, written out: `30 million` is 30000000.

A small model copies digits well and counts zeros badly, as it does with dates (`dates`). Plain numbers need
no help. Text in quotation marks is a value.
"""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["amounts_in"]

_SIZES = {"k": 3, "thousand": 3, "m": 6, "mio": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_AMOUNT = re.compile(
    r"\"[^\"]*\"|“[^”]*”|(?<![\w.,-])(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<size>thousand|million|billion|mio|mn|bn)|(?P<letter>[kKmM]))(?![\w-])",
    re.IGNORECASE,
)


def amounts_in(request: str) -> list[tuple[str, str]]:
    """Returns phrases, in lower case, and their digits, in the request's order."""
    found = {}
    for match in _AMOUNT.finditer(request):
        if match["number"]:
            size = _SIZES[(match["size"] or match["letter"]).lower()]
            value = Decimal(match["number"].replace(",", "")) * 10**size
            found[match[0].lower()] = f"{value.normalize():f}"
    return list(found.items())
