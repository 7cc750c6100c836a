"""What an invented function may ask for: arguments of every kind, with the words that people give them in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from narrowgauge.training.specialist.entities import draw_entity
from narrowgauge.training.specialist.spellings import day_styles, number_words

__all__ = ["ARGUMENTS", "Argument", "Given", "draw_argument"]

_FIRST_DAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Argument:
    """An argument of an invented function.

    Attributes:
        name: In lower case with underscores.
        kind: `string`, `integer`, `number`, `boolean`, `enum`, `day`, `time`, `list` or `object`.
        description: What it means.
        phrases: How a value is said; `{}` is the value. Of a flag the first says yes, the second no.
        draw: Draws a value and the words for it.
        required: Whether every call gives it.
        values: Of an enum.
        low: Lowest integer; None for no rule.
        high: Highest integer.
        pattern: Rule of a string; empty for none.
        inner: Of an object; of a list the one argument that is repeated.
    """

    name: str
    kind: str
    description: str
    phrases: tuple[str, ...]
    draw: Callable[[random.Random], tuple[Any, str]]
    required: bool = True
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    pattern: str = ""
    inner: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Given:
    """An argument with its value in one request.

    Attributes:
        argument: The argument.
        value: As JSON; a `datetime.date` or `datetime.datetime` of days and times.
        words: The value as the request says it.
        phrase: How it is put, `{}` for the words.
    """

    argument: Argument
    value: Any
    words: str
    phrase: str

    @property
    def said(self) -> str:
        """The phrase with its words."""
        return self.phrase.replace("{}", self.words)


def draw_argument(argument: Argument, rng: random.Random) -> Given:
    """Draws a value for an argument."""
    value, words = argument.draw(rng)
    if argument.kind == "boolean":
        return Given(argument, value, "", argument.phrases[0 if value else 1])
    return Given(argument, value, words, rng.choice(argument.phrases))


def _entity(kind: str) -> Callable[[random.Random], tuple[Any, str]]:
    def draw(rng: random.Random) -> tuple[Any, str]:
        name = draw_entity(kind, rng)
        return name, name

    return draw


def _integer(low: int, high: int) -> Callable[[random.Random], tuple[Any, str]]:
    def draw(rng: random.Random) -> tuple[Any, str]:
        # Small numbers are the usual ones.
        most = min(high, 12) if low < 12 and rng.random() < 0.4 else high
        number = rng.randint(low, most)
        words = number_words(number)
        if words is not None and number <= 40 and rng.random() < 0.3:
            return number, words
        # Nobody writes a year with a comma.
        grouped = number >= 1000 > low and rng.random() < 0.4
        return number, f"{number:,}" if grouped else str(number)

    return draw


def _number(low: float, high: float, places: int) -> Callable[[random.Random], tuple[Any, str]]:
    def draw(rng: random.Random) -> tuple[Any, str]:
        # Zero is what an argument that nobody gave has.
        number = round(rng.uniform(low, high), places if rng.random() < 0.6 else 0) or 1.0
        return number, f"{number:g}" if rng.random() < 0.7 or places != 2 else f"{number:.2f}"

    return draw


def _code(shape: str) -> Callable[[random.Random], tuple[Any, str]]:
    """`A` is a capital, `a` a small letter, `0` a digit; all else stands for itself."""
    alphabets = {"A": "ABCDEFGHJKLMNPQRSTUVWXYZ", "a": "abcdefghjkmnpqrstuvwxyz", "0": "0123456789"}

    def draw(rng: random.Random) -> tuple[Any, str]:
        code = "".join(rng.choice(alphabets.get(char, char)) for char in shape)
        return code, code

    return draw


def _day(rng: random.Random) -> tuple[Any, str]:
    day = _FIRST_DAY + timedelta(days=rng.randrange(900))
    words = rng.choice(day_styles).write(day)
    assert words is not None
    return day, words


def _time(rng: random.Random) -> tuple[Any, str]:
    day, words = _day(rng)
    hour, minute = rng.randint(0, 23), rng.choice((0, 0, 15, 30, 45))
    when = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    clock = f"{hour:02}:{minute:02}"
    if rng.random() < 0.4:
        clock = f"{hour % 12 or 12}{f':{minute:02}' if minute else ''} {'am' if hour < 12 else 'pm'}"
    return when, f"{words} at {clock}" if rng.random() < 0.7 else f"{clock} on {words}"


def _choice(values: tuple[str, ...]) -> Callable[[random.Random], tuple[Any, str]]:
    def draw(rng: random.Random) -> tuple[Any, str]:
        value = rng.choice(values)
        return value, value.replace("_", " ")

    return draw


def _flag(rng: random.Random) -> tuple[Any, str]:
    return rng.random() < 0.6, ""


def _several(
    draw_one: Callable[[random.Random], tuple[Any, str]], most: int
) -> Callable[[random.Random], tuple[Any, str]]:
    def draw(rng: random.Random) -> tuple[Any, str]:
        pairs = dict(draw_one(rng)[::-1] for _ in range(rng.randint(1, most)))
        words = list(pairs)
        said = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
        return list(pairs.values()), said

    return draw


def _email(rng: random.Random) -> tuple[Any, str]:
    first, last = draw_entity("person", rng).lower().split()
    host = draw_entity("company", rng).lower().split()[0]
    address = rng.choice(
        (f"{first}.{last}@{host}.com", f"{first[0]}{last}@{host}.org", f"{first}@{host}.net")
    )
    return address, address


def _note(rng: random.Random) -> tuple[Any, str]:
    text = f"{rng.choice(('about', 'see', 'ask for', 'mind'))} the {draw_entity('topic', rng)}"
    return text, text


def _object(*parts: Argument, joined: str) -> Callable[[random.Random], tuple[Any, str]]:
    """An object is said by its parts, in the order of `joined`, which names them in braces."""

    def draw(rng: random.Random) -> tuple[Any, str]:
        drawn = {part.name: part.draw(rng) for part in parts}
        said = joined
        for name, (_, words) in drawn.items():
            said = said.replace("{" + name + "}", words)
        return {name: value for name, (value, _) in drawn.items()}, said

    return draw


def _chosen(name: str, description: str, phrases: tuple[str, ...], *values: str) -> Argument:
    return Argument(name, "enum", description, phrases, _choice(values), values=values)


def _text(name: str, kind: str, description: str, *phrases: str) -> Argument:
    return Argument(name, "string", description, phrases, _entity(kind))


def _coded(name: str, shape: str, description: str, *phrases: str) -> Argument:
    pattern = (
        "^" + "".join({"A": "[A-Z]", "a": "[a-z]", "0": "[0-9]"}.get(char, char) for char in shape) + "$"
    )
    return Argument(name, "string", description, phrases, _code(shape), pattern=pattern)


def _counted(name: str, low: int, high: int, description: str, *phrases: str) -> Argument:
    return Argument(name, "integer", description, phrases, _integer(low, high), low=low, high=high)


def _measured(name: str, low: float, high: float, places: int, description: str, *phrases: str) -> Argument:
    return Argument(name, "number", description, phrases, _number(low, high, places))


_STREET = Argument(
    "street", "string", "street and number", (), lambda rng: (
        text := f"{rng.randint(1, 180)} {rng.choice(('Mill', 'Station', 'High', 'Garden', 'Bridge'))} "
        f"{rng.choice(('Street', 'Road', 'Lane'))}",
        text,
    )
)  # fmt: skip
_CITY = _text("city", "city", "city", "in {}", "at {}", "{} office")
_ZIP = _coded("postal_code", "00000", "postal code", "{}")
_NAME = _text("name", "person", "full name", "{}")
_PHONE = _coded("phone", "+00 000 0000", "telephone number", "{}")
_ITEM = _text("product", "product", "what", "{}")
_QUANTITY = _counted("quantity", 1, 60, "how many", "{}")

ARGUMENTS: tuple[Argument, ...] = (
    _CITY,
    _text("destination", "city", "where it goes", "to {}", "with destination {}", "going to {}"),
    _text("origin", "city", "where it starts", "from {}", "starting in {}"),
    _text("country", "country", "country", "in {}", "for {}", "country {}"),
    _text("customer", "person", "the customer's name", "for {}", "for our customer {}", "customer {}"),
    _text("assignee", "person", "who does it", "assigned to {}", "to be done by {}", "assignee {}"),
    _text("guest_name", "person", "in whose name", "in the name of {}", "under the name {}", "for {}"),
    _text("company", "company", "company", "for the company {}", "for {}", "company {}"),
    _text("supplier", "company", "who delivers", "from the supplier {}", "from {}", "supplied by {}"),
    _text("product", "product", "product", "of the product {}", "product {}", "concerning the {}"),
    _text("subject", "topic", "what it is about", "about {}", "on the subject of {}", "subject: {}"),
    _coded("order_number", "AA-0000", "number of the order", "with order number {}", "order {}", "{}"),
    _coded("ticket_id", "T-000000", "ticket", "ticket {}", "with the ticket id {}", "number {}"),
    _coded("article", "AAA000", "article number", "article {}", "with article number {}", "item {}"),
    _coded("account", "0000000000", "account number", "account {}", "on account number {}"),
    _coded("tracking_code", "aaa-000-aaa", "tracking code", "tracking code {}", "tracked as {}"),
    _counted("quantity", 1, 500, "how many", "{} of them", "quantity {}", "{} pieces", "{} units"),
    _counted("people", 1, 20, "number of people", "for {} people", "{} persons", "party of {}"),
    _counted("nights", 1, 30, "nights", "for {} nights", "{} nights"),
    _counted("duration_minutes", 5, 240, "minutes", "for {} minutes", "lasting {} minutes", "{} minutes"),
    _counted("page", 1, 40, "page of the results", "page {}", "on page {}"),
    _counted("limit", 1, 100, "most results", "at most {} results", "only {} of them", "limit {}"),
    _counted("year", 1990, 2030, "year", "in the year {}", "for {}", "year {}"),
    _counted("discount_percent", 1, 90, "percent off", "with {} percent off", "{}% discount"),
    _measured("budget", 20, 5000, 2, "most to spend", "for at most ${}", "with a budget of {}"),
    _measured("weight_kg", 0.5, 80, 1, "kilograms", "weighing {} kg", "{} kilograms heavy", "weight {} kg"),
    _measured("temperature", -20, 40, 1, "degrees Celsius", "at {} degrees", "temperature {}", "{} °C"),
    _measured("distance_km", 1, 900, 1, "kilometres", "within {} km", "{} kilometres away"),
    _measured("rating", 1, 5, 1, "stars", "rated {}", "with a rating of {}", "{} stars"),
    Argument("date", "day", "day", ("on {}", "for {}", "date {}"), _day),
    Argument("due_date", "day", "when it is due", ("due {}", "by {}", "due on {}"), _day),
    Argument("start_date", "day", "first day", ("starting {}", "from {} on", "beginning {}"), _day),
    Argument("end_date", "day", "last day", ("until {}", "ending {}", "up to {}"), _day),
    Argument("starts_at", "time", "when it begins", ("at {}", "starting {}", "scheduled for {}"), _time),
    Argument("deadline", "time", "latest time", ("before {}", "no later than {}", "deadline {}"), _time),
    Argument("email", "string", "e-mail address", ("e-mail {}", "reachable at {}", "contact {}"), _email),
    Argument("note", "string", "a remark", ('with the note "{}"', "note: {}", "remark: {}"), _note),
    _chosen("priority", "how urgent", ("with {} priority", "priority {}"), "low", "medium", "high", "urgent"),
    _chosen("status", "state", ("with status {}", "that are {}"), "open", "closed", "pending", "on_hold"),
    _chosen("color", "colour", ("in {}", "colour {}"), "red", "blue", "green", "black", "white", "silver"),
    _chosen("size", "size", ("size {}", "in {}"), "small", "medium", "large", "extra_large"),
    _chosen("channel", "how to reach them", ("by {}", "via {}"), "email", "phone", "text_message", "letter"),
    _chosen("file_format", "format", ("as {}", "in {} format"), "pdf", "csv", "xml", "spreadsheet"),
    _chosen("payment", "how it is paid", ("paid by {}", "payment by {}"), "cash", "credit_card", "invoice"),
    _chosen("travel_class", "class", ("in {} class", "class {}"), "economy", "business", "first"),
    _chosen("sort_by", "order", ("sorted by {}", "ordered by {}"), "name", "price", "newest_first", "rating"),
    Argument("express", "boolean", "fast delivery", ("express", "not express"), _flag),
    Argument("notify", "boolean", "tell the customer", ("and tell the customer", "but tell nobody"), _flag),
    Argument("insured", "boolean", "with insurance", ("with insurance", "without insurance"), _flag),
    Argument("breakfast", "boolean", "with breakfast", ("with breakfast", "without breakfast"), _flag),
    Argument("include_archived", "boolean", "old ones too", ("with archived ones", "no old ones"), _flag),
    Argument(
        "tags", "list", "labels", ("tagged {}", "with the tags {}", "labels {}"),
        _several(_entity("topic"), 3), inner=(_text("tag", "topic", "label", "{}"),),
    ),
    Argument(
        "attendees", "list", "who takes part", ("with {}", "attendees {}", "together with {}"),
        _several(_entity("person"), 3), inner=(_NAME,),
    ),
    Argument(
        "cities", "list", "cities", ("in {}", "for the cities {}", "covering {}"),
        _several(_entity("city"), 4), inner=(_CITY,),
    ),
    Argument(
        "floors", "list", "floors", ("on floors {}", "floors {}"), _several(_integer(1, 30), 3),
        inner=(_counted("floor", 1, 30, "floor", "{}"),),
    ),
    Argument(
        "items", "list", "what is ordered", ("with {}", "containing {}", "items: {}"),
        _several(_object(_QUANTITY, _ITEM, joined="{quantity} x {product}"), 3),
        inner=(
            Argument(
                "item", "object", "a line", ("{}",), _object(_QUANTITY, _ITEM, joined=""),
                inner=(_QUANTITY, _ITEM),
            ),
        ),
    ),
    Argument(
        "address", "object", "where to", ("to {}", "at {}", "address: {}"),
        _object(_STREET, _CITY, joined="{street}, {city}"), inner=(_STREET, _CITY),
    ),
    Argument(
        "billing_address", "object", "who pays", ("billed to {}", "invoice to {}"),
        _object(_STREET, _ZIP, _CITY, joined="{street}, {postal_code} {city}"), inner=(_STREET, _ZIP, _CITY),
    ),
    Argument(
        "contact", "object", "whom to call", ("contact {}", "ask for {}"),
        _object(_NAME, _PHONE, joined="{name}, {phone}"), inner=(_NAME, _PHONE),
    ),
)  # fmt: skip
"""All arguments that there are; each function draws a few."""
