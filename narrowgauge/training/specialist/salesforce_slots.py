"""Values for the slots of hand-written requests: what the request says, and what the call stores."""

from __future__ import annotations

import calendar
import datetime as dt
import random
import re
from collections.abc import Mapping

from narrowgauge.training.specialist.date_bounds import bound
from narrowgauge.training.specialist.salesforce_fields import PREFIXES
from narrowgauge.training.specialist.salesforce_places import CITIES
from narrowgauge.training.specialist.salesforce_said import (
    PAST_FIELDS,
    amount,
    day,
    moment,
    past_day,
    percent,
    period,
    said_value,
)
from narrowgauge.training.specialist.salesforce_slot_texts import slot_text
from narrowgauge.training.specialist.salesforce_values import Value, record_id, value_of
from narrowgauge.training.specialist.sql_conditions import number_words
from narrowgauge.v1.catalogue_pb2 import Entity, EntityField

__all__ = ["SLOT", "Drawn", "Slots", "slot_field"]

SLOT = re.compile(r"\{([A-Za-z][\w:.]*~?)(?:#(\d))?\}")
"""A slot: its name, and a number that tells several of one name apart."""

Drawn = tuple[str, Value, str]
"""What a request says, what the call stores, and the operator of a condition on it."""

# Fields whose values a slot of another name draws.
_LIKE = {
    "Account.Name": "company",
    "Account.Website": "website",
    "Account.Customer_Number__c": "number",
    "Lead.Company": "company",
    "Lead.Website": "website",
    "Case.SuppliedCompany": "company",
    "Case.SuppliedName": "person",
    "Case.Subject": "subject",
    "Case.CaseNumber": "case",
    "Task.Subject": "subject",
    "Event.Subject": "subject",
    "Event.Location": "location",
    "Opportunity.Name": "deal",
    "Opportunity.NextStep": "step",
    "Campaign.Name": "campaign",
    "Product2.Name": "product",
    "Product2.ProductCode": "code",
    "Product2.StockKeepingUnit": "code",
    "Renewal__c.Name": "deal",
    "Renewal__c.External_Id__c": "external",
    "Renewal__c.Notes__c": "note",
}
_LIKE_BY_NAME = {
    "FirstName": "first",
    "LastName": "last",
    "Name": "person",
    "Email": "email",
    "SuppliedEmail": "email",
    "Title": "title",
    "Department": "department",
    "Description": "note",
    "Comments": "note",
    "AssistantName": "person",
}
_LIKE_BY_END = {
    "City": "city",
    "Country": "country",
    "Street": "street",
    "PostalCode": "postal",
    "Phone": "phone",
    "Fax": "phone",
}


def slot_field(name: str) -> tuple[str, str] | None:
    """Returns object and field of a slot that names both."""
    if ":" in name or "." not in name:
        return None
    entity, _, field = name.removesuffix("~").partition(".")
    return entity, field


class Slots:
    """The slots of one request: one of a name and number has one value throughout.

    Args:
        entities: The catalogue's objects by name.
        entity: The object of the call.
        today: The date on which it is asked.
        rng: Source of choice.
    """

    def __init__(
        self, entities: Mapping[str, Entity], entity: Entity, today: dt.date, rng: random.Random
    ) -> None:
        self._entities = entities
        self._entity = entity
        self._today = today
        self._rng = rng
        self._drawn: dict[tuple[str, str], Drawn] = {}

    def value(self, name: str, number: str) -> Drawn:
        """Returns the value of a slot.

        Raises:
            KeyError: There is no slot of this name, or the catalogue lacks its object or field.
        """
        key = name, number
        if key not in self._drawn:
            drawn = self._draw(name, number)
            # Two slots of one name differ.
            others = [self._drawn[other][1] for other in self._drawn if other[0] == name]
            for _ in range(20):
                if drawn[1] not in others:
                    break
                drawn = self._draw(name, number)
            self._drawn[key] = drawn
        return self._drawn[key]

    def _draw(self, name: str, number: str) -> Drawn:
        kind, colon, argument = name.partition(":")
        if colon and kind == "id":
            identifier = record_id(PREFIXES[argument], self._rng)
            return identifier, identifier, "="
        if colon and kind in ("period", "past", "future", "day", "bound", "since"):
            field = next((f for f in self._entity.fields if f.name == argument), None)
            if field is None:
                raise KeyError(name)
            if kind == "day":
                said, date = (past_day if argument in PAST_FIELDS else day)(self._today, self._rng)
                return said, f"{date}T00:00:00Z" if field.type == "datetime" else str(date), "="
            if kind in ("bound", "since"):
                said, operator, literal = bound(field.type, self._today, self._rng, past=kind == "since")
                return said, literal, operator
            said, operator, literal = period(argument, field.type, self._today, self._rng, kind)
            return said, literal, operator
        named = slot_field(name)
        if named is None:
            said, stored = self._plain(name, number)
            return said, stored, "="
        found = [f for f in self._entities[named[0]].fields if f.name == named[1]]
        if not found:
            raise KeyError(name)
        if name.endswith("~"):
            said, stored = amount(self._rng, large=named[1] == "AnnualRevenue", rounded=True)
            return said, stored, "="
        said, stored = self._of_field(named[0], found[0], number)
        return said, stored, "="

    def _of_field(self, entity: str, field: EntityField, number: str) -> tuple[str, Value]:
        rng = self._rng
        if field.values and field.type != "combobox":
            stored = rng.choice([value for value in field.values if value != "None"])
            return said_value(field.name, stored, rng), stored
        like = _LIKE.get(f"{entity}.{field.name}") or _LIKE_BY_NAME.get(field.name)
        if like is None:
            like = next((slot for end, slot in _LIKE_BY_END.items() if field.name.endswith(end)), None)
        if like is not None:
            said, stored_like, _ = self.value(like, number)
            return said, stored_like
        match field.type:
            case "currency":
                return amount(rng, large=field.name == "AnnualRevenue")
            case "percent":
                return percent(rng)
            case "date" if field.name == "Birthdate":
                return self._plain("birthday", number)
            case "date":
                return self._plain("date", number)
            case "datetime":
                return moment(self._today, rng)
            case "int" | "double":
                count = rng.choice((3, 5, 12, 18, 25, 40, 64, 85, 120, 240, 310, 500, 750, 1200, 2500, 4800))
                return rng.choice((str(count), f"{count:,}")), float(count)
        return value_of(field, self._today, rng)

    def _plain(self, name: str, number: str) -> tuple[str, Value]:
        rng = self._rng
        match name:
            case "n":
                count = rng.choice((2, 3, 3, 4, 5, 5, 5, 6, 7, 8, 10, 10, 12, 15, 20, 25, 50))
                return number_words(count, rng), count
            case "minutes":
                minutes = rng.choice((15, 20, 30, 30, 45, 60, 60, 90, 120))
                forms = [f"{minutes} minutes", f"{minutes} min", f"{minutes} mins"]
                forms += {
                    30: ["half an hour"],
                    60: ["an hour", "1 hour", "one hour"],
                    120: ["2 hours", "two hours"],
                }.get(minutes, [])
                return rng.choice(forms), float(minutes)
            case "money":
                return amount(rng)
            case "sum":
                total = rng.randint(2000, 4000000) / 100
                return rng.choice((f"{total:,.2f}", f"{total:.2f}", f"${total:,.2f}")), total
            case "percent":
                return percent(rng)
            case "date":
                said, date = day(self._today, rng)
                return said, str(date)
            case "when":
                return moment(self._today, rng)
            case "first_day" | "last_day":
                self._span(number)
                return self._drawn[name, number][:2]
            case "birthday":
                date = dt.date(rng.randint(1955, 2003), rng.randint(1, 12), rng.randint(13, 28))
                return rng.choice(
                    (str(date), f"{date:%B} {date.day}, {date.year}", f"{date.day} {date:%B %Y}")
                ), str(date)
            case "city" | "country":
                self._place(number)
                return self._drawn[name, number][:2]
        text = slot_text(name, self._today, self._rng, lambda other: str(self.value(other, number)[0]))
        return text, text

    def _place(self, number: str) -> None:
        """Draws a city and its country; what is drawn of them already stays."""
        city, country = self._rng.choice(CITIES)
        self._drawn.setdefault(("city", number), (city, city, "="))
        self._drawn.setdefault(("country", number), (country, country, "="))

    def _span(self, number: str) -> None:
        """Draws the first and the last day of something: `9` and `12 June`, `28 May` and `3 June`."""
        first = self._today + dt.timedelta(days=self._rng.randint(3, 150))
        last = first + dt.timedelta(days=self._rng.choice((1, 2, 3, 4, 6, 9, 13, 20)))
        begin, end = str(first.day), f"{last.day} {calendar.month_name[last.month]}"
        if first.month != last.month:
            begin = f"{first.day} {calendar.month_name[first.month]}"
        if last.year != self._today.year:
            begin = f"{first.day} {calendar.month_name[first.month]} {first.year}"
            end = f"{end} {last.year}"
        self._drawn["first_day", number] = (begin, str(first), "=")
        self._drawn["last_day", number] = (end, str(last), "=")
