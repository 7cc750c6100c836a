"""One object that requests are about: what may be named, what it is called, and which values occur."""

from __future__ import annotations

import datetime as dt
import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from narrowgauge.training.specialist.organisation_objects import FieldIdea
from narrowgauge.training.specialist.salesforce_fields import COMMON_FIELDS
from narrowgauge.training.specialist.salesforce_names import FIRST_NAMES, LAST_NAMES
from narrowgauge.training.specialist.salesforce_places import CITIES
from narrowgauge.training.specialist.salesforce_said import amount, day, moment, percent
from narrowgauge.training.specialist.salesforce_texts import NOTES
from narrowgauge.training.specialist.salesforce_values import Value, value_of
from narrowgauge.training.specialist.sql_schema import plural
from narrowgauge.v1.catalogue_pb2 import Entity, EntityField

__all__ = ["NUMBERS", "STATE", "Column", "Scene", "sections"]

NUMBERS = ("currency", "percent", "int", "double", "long")
"""Types of fields that hold numbers."""

STATE = re.compile(r".*\b(status|state|stage|condition|phase|result|availability|health|outcome|fitness)")
"""Lower-case labels of picklists whose values describe a record by themselves."""

_IGNORED = frozenset(
    ("CreatedById", "LastModifiedById", "SystemModstamp", "IsDeleted", "Narrowgauge_Key__c", "MasterRecordId")
)
_SELDOM = frozenset(("CreatedDate", "LastModifiedDate", "OwnerId"))
_LINKS = frozenset(("Name", "AccountId", *_SELDOM))
_YEAR = re.compile(r"\b(year|vintage)\b(?!s)")
_ARTICLE = re.compile(r"\ba\(n\)(?= [\"'“]?(\w+))")
# Words with `an` before them: `unpaid` and `uninsured`, but neither `unit` nor `user`.
_AN = re.compile(r"(?i)[aeio8]|un(?!i)|unin|unirr")
# What people call fields that are labelled otherwise.
_SHORT = {
    "Task.ActivityDate": ("due date",),
    "Event.ActivityDate": ("date",),
    "Account.BillingCity": ("city",),
    "Account.BillingCountry": ("country",),
    "Contact.MailingCity": ("city",),
    "Account.AnnualRevenue": ("revenue",),
    "Case.SuppliedCompany": ("company",),
    "Account.Phone": ("phone", "phone number"),
    "Contact.Phone": ("phone", "phone number"),
    "Lead.Phone": ("phone", "phone number"),
    "Contact.Email": ("email", "email address", "mail"),
    "Lead.Email": ("email", "email address", "mail"),
    "Campaign.BudgetedCost": ("budget", "budgeted cost"),
    "Lead.LeadSource": ("source", "lead source"),
    "Opportunity.Probability": ("probability",),
}
_SLOT = re.compile(r"\{(\w+)\}")


@cache
def sections(name: str) -> Mapping[str, tuple[str, ...]]:
    """Returns the wordings of a file by section; a section `before …` is one of its own.

    Args:
        name: Of the file in `wording`, without its ending.
    """
    found: dict[str, list[str]] = {}
    section = ""
    text = files("narrowgauge.training.specialist.wording").joinpath(f"{name}.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            found.setdefault(section, []).append(line)
    return {section: tuple(lines) for section, lines in found.items()}


@dataclass(frozen=True)
class Column:
    """A field that a request names, of the object or of a record that it refers to.

    Attributes:
        words: What it is called.
        path: As a call names it.
        field: The field at the end of the path.
    """

    words: str
    path: str
    field: EntityField


@dataclass(frozen=True)
class Scene:
    """What requests on one object draw from.

    Attributes:
        entities: All objects of the organisation by name.
        entity: The object that the request is about.
        ideas: What invented fields hold, by names of object and field.
        ids: Record ids by object: few, since each new one costs a grammar.
        today: When it is asked.
        rng: Source of choice.
    """

    entities: Mapping[str, Entity]
    entity: Entity
    ideas: Mapping[tuple[str, str], FieldIdea]
    ids: Mapping[str, Sequence[str]]
    today: dt.date
    rng: random.Random

    def say(self, file: str, section: str, **slots: str) -> str:
        """Fills one of a section's wordings.

        Raises:
            KeyError: It has a slot that is not given.
        """
        return self.fill(self.rng.choice(sections(file)[section]), **slots)

    def fill(self, wording: str, **slots: str) -> str:
        """Fills the slots of a wording."""
        text = re.sub(r"\bat at (least|most)\b", r"at \1", _SLOT.sub(lambda match: slots[match[1]], wording))
        return _ARTICLE.sub(lambda match: "an" if _AN.match(match[1]) else "a", text)

    @property
    def fields(self) -> list[EntityField]:
        """The fields that people speak of."""
        fields = [f for f in self.entity.fields if not f.key and f.name not in _IGNORED]
        common = COMMON_FIELDS.get(self.entity.name)
        return [f for f in fields if f.name in common or f.name in _LINKS] if common else fields

    def some(self, fields: Sequence[EntityField], count: int) -> list[EntityField]:
        """Draws different fields, those that every object has seldom."""
        common = [f for f in fields if f.name not in _SELDOM]
        pool = list(fields) if not common or self.rng.random() < 0.12 else common
        return self.rng.sample(pool, min(count, len(pool)))

    def of_type(self, *types: str) -> list[EntityField]:
        """The fields of some types."""
        return [f for f in self.fields if f.type in types]

    def nouns(self) -> tuple[str, str]:
        """Returns the object's name as somebody says it, for one and for several."""
        label = self.entity.label or self.entity.name
        draw = self.rng.random()
        if draw < 0.03:
            return self.entity.name, self.entity.name
        one = label if draw < 0.15 else label.lower()
        if draw > 0.96:
            return f"{one} record", f"{one} records"
        return one, plural(one) if one.isupper() or not one.endswith("s") else one

    def words(self, field: EntityField) -> str:
        """Returns what somebody calls a field."""
        rng, label = self.rng, (field.label or field.name).replace("_", " ")
        if field.type == "reference" or field.relationship:
            label = re.sub(r"(?i) id$", "", label)
        draw = rng.random()
        if draw < 0.02:
            return field.name
        short = _SHORT.get(f"{self.entity.name}.{field.name}")
        if short and rng.random() < 0.75:
            return rng.choice(short)
        own = (self.entity.label or "").lower().split()
        if field.name == "Name":
            called = "number" if label.lower().endswith("number") and field.read_only else "name"
            return called if rng.random() < 0.6 else label.lower()
        lower = label.lower()
        if field.type == "boolean":
            lower = lower.removeprefix("is ")
        words = lower.split()
        if draw < 0.2 and len(words) > 1 and words[0] in own:
            # `claim status` of a claim is its status, unless it has another one.
            rest = " ".join(words[1:])
            if not any((f.label or f.name).lower() == rest for f in self.entity.fields):
                return rest
        return label if draw > 0.9 else lower

    def column(self, field: EntityField) -> Column | None:
        """Names a field as a column; of a reference the other record's name. None when that has none."""
        if not field.references:
            words = self.words(field)
            if field.name == "NumberOfEmployees" and self.rng.random() < 0.5:
                words = "number of employees"
            return Column(words, field.name, field) if field.type != "reference" else None
        target = self.entities.get(field.references[0]) if len(field.references) == 1 else None
        if target is None or not field.relationship:
            return None
        names = [f for f in target.fields if f.name == "Name"]
        if not names:
            return None
        others = [f for f in target.fields if f.type in ("string", "picklist", "phone", "email")]
        if self.rng.random() < 0.12 and others and target.name != "User":
            chosen = self.rng.choice(others)
            form = self.rng.choice(("{r} {p}", "{r}'s {p}", "{p} of the {r}"))
            of_parent = form.format(r=self.words(field), p=(chosen.label or chosen.name).lower())
            return Column(of_parent, f"{field.relationship}.{chosen.name}", chosen)
        suffix = " name" if self.rng.random() < 0.3 else ""
        return Column(self.words(field) + suffix, f"{field.relationship}.Name", names[0])

    def columns(self, fewest: int, most: int) -> list[Column]:
        """Draws columns that a request names, the record's name more often than others."""
        count = self.rng.randint(fewest, most)
        chosen = self.some([f for f in self.fields if f.name != "Name"], count)
        named = [f for f in self.fields if f.name == "Name"]
        if named and self.rng.random() < 0.55:
            chosen = [named[0], *chosen[: max(fewest, most) - 1]]
        if self.rng.random() < 0.25:
            self.rng.shuffle(chosen)
        found: dict[str, Column] = {}
        for field in chosen:
            column = self.column(field)
            if column is not None:
                found.setdefault(column.path, column)
        return list(found.values())

    def identifier(self) -> str:
        """Returns the id of a record of the object."""
        return self.rng.choice(self.ids[self.entity.name])

    def value(self, field: EntityField, *, bound: bool = False) -> tuple[str, Value]:
        """Draws what a request says for a field, and what the call stores.

        Args:
            field: Of the object.
            bound: Whether it is a limit of a comparison, which people round.
        """
        rng = self.rng
        idea = self.ideas.get((self.entity.name, field.name))
        if field.values and field.type in ("picklist", "multipicklist"):
            stored = rng.choice([value for value in field.values if value != "None"])
            return (stored if rng.random() < 0.45 else stored.lower()), stored
        match field.type:
            case "currency" if rng.random() < 0.35:
                return _small_amount(rng)
            case "currency":
                return amount(rng, rounded=bound)
            case "percent":
                return percent(rng)
            case "int" if _YEAR.search((field.label or field.name).lower()):
                year = self.today.year - rng.randint(0, 60)
                return str(year), float(year)
            case "int" | "long":
                number = rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30, 40, 50, 75, 100, 150, 250))
                return str(number), float(number)
            case "double":
                return _measure(rng)
            case "date":
                said, date = day(self.today, rng)
                return said, str(date)
            case "datetime":
                said, stored_time = moment(self.today, rng)
                return said + (" UTC" if rng.random() < 0.3 else ""), stored_time
        if idea is None:
            return value_of(field, self.today, rng)
        text = _text(idea, rng)
        return text, text


def _small_amount(rng: random.Random) -> tuple[str, Value]:
    if rng.random() < 0.3:
        cents = rng.randrange(500, 60000)
        exact = rng.choice(("{:.2f}", "${:.2f}", "{:.2f} EUR"))
        return exact.format(cents / 100), cents / 100
    number = rng.choice((rng.randint(2, 60), rng.randrange(20, 1000, 5), rng.randrange(100, 2000, 50)))
    return rng.choice(("{}", "{}", "${}", "{} EUR", "€{}")).format(number), float(number)


def _measure(rng: random.Random) -> tuple[str, Value]:
    number = rng.choice((rng.randint(1, 20), rng.randint(10, 900), rng.randrange(100, 9000, 50)))
    if rng.random() < 0.3:
        return f"{number}.5", number + 0.5
    return rng.choice((str(number), f"{number:,}")), float(number)


def _text(idea: FieldIdea, rng: random.Random) -> str:
    match idea.kind:
        case "text":
            return rng.choice(idea.values)
        case "person":
            return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
        case "city":
            return rng.choice(CITIES)[0]
        case "long":
            return rng.choice(NOTES)
        case "email":
            return f"{rng.choice(FIRST_NAMES).lower()}{rng.randint(1, 99)}@mail.example"
        case "phone":
            return f"+{rng.randint(10, 60)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"
        case "auto":
            return f"{idea.values[0]}-{rng.randint(1, 9999):04}"
    letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.choice((1, 2, 3))))
    return f"{letters}-{rng.randint(10, 99999)}"
