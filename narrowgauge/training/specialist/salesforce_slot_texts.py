"""Texts for slots of hand-written requests, stored as they are said: names, addresses, codes, notes."""

from __future__ import annotations

import datetime as dt
import random
import re
import string
import unicodedata
from collections.abc import Callable

from narrowgauge.training.specialist.salesforce_names import COMPANIES, FIRST_NAMES, LAST_NAMES
from narrowgauge.training.specialist.salesforce_places import LOCATIONS, STREETS
from narrowgauge.training.specialist.salesforce_texts import (
    DEALS,
    DEPARTMENTS,
    NEXT_STEPS,
    NOTES,
    PRODUCTS,
    SUBJECTS,
    TITLES,
)

__all__ = ["slot_text"]

_LISTS = {
    "first": FIRST_NAMES,
    "last": LAST_NAMES,
    "company": COMPANIES,
    "subject": SUBJECTS,
    "note": NOTES,
    "step": NEXT_STEPS,
    "title": TITLES,
    "department": DEPARTMENTS,
    "product": PRODUCTS,
    "location": LOCATIONS,
    "street": STREETS,
}
# Of campaigns' names: when they are, and what they are.
_SEASONS = (
    *("Spring", "Summer", "Autumn", "Winter", "Q2", "Q3"),
    *("March", "May", "Year End", "Back to Work", "Early"),
)
_DRIVES = (
    *("Webinar", "Newsletter", "Roadshow", "Expo", "Promo", "Mailing", "Partner Day", "Launch", "Open House"),
    *("Breakfast", "Summit", "Giveaway", "Trade Fair", "Cold Calls", "Retargeting"),
)


def slot_text(name: str, today: dt.date, rng: random.Random, other: Callable[[str], str]) -> str:
    """Draws the text of a slot.

    Args:
        name: Of the slot.
        today: The date on which it is asked.
        rng: Source of choice.
        other: Returns the text of another slot of the same record, such as the first name of a person.

    Raises:
        KeyError: There is no slot of this name.
    """
    match name:
        case "person":
            return f"{other('first')} {other('last')}"
        case "email":
            first, last = _ascii(other("first")), _ascii(other("last"))
            local = rng.choice((f"{first}.{last}", f"{first}.{last}", first, f"{first[:1]}{last}", f"{last}"))
            return f"{local}@{_domain(other('company'), rng)}"
        case "website":
            form = rng.choice(("https://{d}", "https://www.{d}", "www.{d}", "{d}"))
            return form.format(d=_domain(other("company"), rng))
        case "phone":
            return _phone(rng)
        case "postal":
            return rng.choice(
                (f"{rng.randint(10000, 99999)}", f"{rng.randint(1000, 9999)}", "SW1A 2AA", "EH1 2NG")
            )
        case "deal":
            company = other("company")
            return rng.choice(("{c} {d}", "{c} - {d}", "{c} {d}")).format(c=company, d=rng.choice(DEALS))
        case "campaign":
            year = rng.choice(("", "", f" {today.year}"))
            return f"{rng.choice(_SEASONS)} {rng.choice(_DRIVES)}{year}"
        case "code":
            letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.choice((1, 2, 3))))
            return f"{letters}-{rng.randint(100, 9999)}"
        case "case":
            return f"{rng.randint(1001, 1999):08}"
        case "number":
            return f"C-{rng.randint(1001, 9999)}"
        case "external":
            return rng.choice((f"R-{rng.randint(2000, 9999)}", f"R-{rng.randint(10, 999)}"))
    return rng.choice(_LISTS[name])


def _domain(company: str, rng: random.Random) -> str:
    words = re.findall(r"[a-z0-9]+", _ascii(company, keep_spaces=True))
    joined = rng.choice(("", "-")).join(words)[:24].strip("-")
    # Reserved for examples by RFC 2606, so that nobody's address is made up.
    return joined + rng.choice((".example", ".example", ".example.com", ".example.org", ".example.net"))


def _ascii(text: str, *, keep_spaces: bool = False) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return plain if keep_spaces else re.sub(r"[^a-z0-9]", "", plain)


def _phone(rng: random.Random) -> str:
    def digits(count: int) -> str:
        return "".join(str(rng.randint(0, 9)) for _ in range(count))

    return rng.choice(
        (
            f"+{rng.randint(1, 49)} {digits(3)} {digits(4)}",
            f"+1 555 {digits(4)}",
            f"+1 (555) {digits(3)}-{digits(4)}",
            f"+44 20 7946 0{digits(3)}",
            f"+49 30 {digits(6)}",
            f"+34 6{digits(2)} {digits(3)} {digits(3)}",
            f"555-0{digits(3)}",
            f"(555) 01{digits(2)}-{digits(4)}",
            f"0{digits(3)} {digits(6)}",
        )
    )
