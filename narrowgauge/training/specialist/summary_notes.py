"""Short texts such as ticket notes, messages and minutes, with what is worth saying of them."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from narrowgauge.demo.names import companies, people

__all__ = ["Note", "draw_note"]


@dataclass(frozen=True)
class Note:
    """A text and its gist.

    Attributes:
        title: What the document is called.
        text: The text.
        headline: The most important thing.
        points: What else matters, most important first.
    """

    title: str
    text: str
    headline: str
    points: tuple[str, ...]


_TITLES = ("ticket notes", "notes", "message", "minutes", "", "", "")
_FILLER = (
    "Photos are attached.",
    "The tone was friendly.",
    "Nothing else was discussed.",
    "The usual contact was on holiday.",
    "A copy went to the account team.",
    "The line was bad at first.",
    "This is the second message of the week.",
    "Thanks to everyone who helped.",
    "There were no questions.",
)
# Each fact: how the text tells it, and how a summary does.
_FACTS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "ticket": (
        (
            (
                "{company} reported that {n} units of the {product} arrived damaged.",
                "A customer, {company}, says that {n} of the {product} units came with broken corners.",
                "We heard from {company}: {n} {product} units were damaged in transit.",
            ),
            (
                "{company} received {n} damaged {product} units.",
                "{n} {product} units arrived damaged at {company}.",
            ),
        ),
        (
            (
                "The parcel for {company} was promised for {day} and has not arrived.",
                "{company} is still waiting for a delivery that was due on {day}.",
                "Delivery to {company} was planned for {day}; nothing has come so far.",
            ),
            (
                "{company} is waiting for a delivery that was due on {day}.",
                "The delivery to {company} due on {day} is late.",
            ),
        ),
        (
            (
                "{company} called about invoice {number}: {amount} was charged twice.",
                "Invoice {number} of {company} shows {amount} twice, which is wrong.",
                "According to {company}, invoice {number} charges {amount} two times.",
            ),
            (
                "{company} was charged {amount} twice on invoice {number}.",
                "Invoice {number} charges {company} {amount} twice.",
            ),
        ),
        (
            (
                "The {product} that {company} bought stops after {n} minutes. A restart helps for a while.",
                "{company} says the {product} switches itself off after {n} minutes.",
            ),
            ("The {product} at {company} stops after {n} minutes.",),
        ),
        (
            (
                "{company} asks for a quote over {n} units of {product} by {day}.",
                "By {day}, {company} would like to have an offer for {n} {product} units.",
            ),
            ("{company} wants a quote for {n} units of {product} by {day}.",),
        ),
    ),
    "minutes": (
        (
            (
                "Sales in {country} grew by {percent}% this quarter.",
                "This quarter brought {percent}% more sales in {country}.",
            ),
            ("Sales in {country} grew by {percent}%.",),
        ),
        (
            (
                "The new warehouse in {city} opens on {day} and creates {n} jobs.",
                "On {day} the warehouse in {city} opens; it will employ {n} people.",
            ),
            ("A warehouse with {n} jobs opens in {city} on {day}.", "The {city} warehouse opens on {day}."),
        ),
        (
            (
                "The team agreed to raise the price of the {product} to {amount}.",
                "It was decided that the {product} will cost {amount} from now on.",
            ),
            ("The price of the {product} rises to {amount}.", "The {product} will cost {amount}."),
        ),
        (
            (
                "{company} signed a contract worth {amount}.",
                "Good news: the contract with {company} over {amount} is signed.",
            ),
            ("{company} signed a contract worth {amount}.",),
        ),
        (
            (
                "{company} will not renew its contract, mostly because of the price.",
                "We lost {company}: the contract ends and the price was too high for them.",
            ),
            ("{company} does not renew its contract because of the price.",),
        ),
    ),
    "next": (
        (
            ("{person} will call back on {day2}.", "A call back by {person} is planned for {day2}."),
            ("{person} will call back on {day2}.",),
        ),
        (
            ("We offered a discount of {percent2}%.", "They were offered {percent2}% off."),
            ("A discount of {percent2}% was offered.",),
        ),
        (
            (
                "{person} sent a replacement on {day2}.",
                "A replacement left the warehouse on {day2}, {person} saw to it.",
            ),
            ("{person} sent a replacement on {day2}.",),
        ),
        (
            ("The budget is still open.", "Nobody knows the budget yet."),
            ("The budget is still open.",),
        ),
        (
            (
                "{person} talks to the carriers about lower prices.",
                "{person} was asked to talk to the carriers about lower prices.",
            ),
            ("{person} talks to the carriers about lower prices.",),
        ),
        (
            (
                "{person} takes over from here.",
                "From here on {person} is in charge.",
            ),
            ("{person} takes over.",),
        ),
    ),
    "next of a ticket": (
        (
            ("The customer called {n2} times.", "There were {n2} calls about it."),
            ("The customer called {n2} times.",),
        ),
        (
            ("The refund of {amount2} was paid on {day2}.", "On {day2} we refunded {amount2}."),
            ("{amount2} was refunded on {day2}.", "A refund of {amount2} was paid on {day2}."),
        ),
        (
            ("The ticket is closed.", "With that the ticket could be closed."),
            ("The ticket is closed.",),
        ),
        (
            ("The case stays open until then.", "Until then the case stays open."),
            ("The case stays open.",),
        ),
    ),
}
_PRODUCTS = (
    *("Torque Wrench M", "Label Printer S", "LED Panel Pro", "Steel Shelf L", "Barcode Scanner S"),
    *("Work Lamp M", "Floor Scale Pro", "Heat Gun L", "Safety Helmet M", "Pallet Wrap S"),
)


def draw_note(today: dt.date, rng: random.Random) -> Note:
    """Draws a text of one to four facts, with days around today."""
    values = _values(today, rng)
    family = rng.choice(("ticket", "ticket", "minutes"))
    first = rng.choice(_FACTS[family])
    follow = _FACTS["next"] + (_FACTS["next of a ticket"] if family == "ticket" else ())
    more = rng.sample(follow, rng.choices((0, 1, 2, 3), (1, 4, 4, 2))[0])
    told = [rng.choice(fact[0]).format(**values) for fact in (first, *more)]
    said = [rng.choice(fact[1]).format(**values) for fact in (first, *more)]
    if rng.random() < 0.5:
        told.insert(rng.randint(1, len(told)), rng.choice(_FILLER))
    return Note(rng.choice(_TITLES), " ".join(told), said[0], tuple(said[1:]))


def _values(today: dt.date, rng: random.Random) -> dict[str, str]:
    company = rng.choice(companies())
    person = rng.choice(people())
    values = {
        "company": company.name,
        "country": rng.choice(companies()).country,
        "city": company.city,
        "person": rng.choice((person.first_name, f"{person.first_name} {person.last_name}")),
        "product": rng.choice(_PRODUCTS),
        "number": str(rng.randint(100, 9900)),
    }
    for name in ("n", "n2"):
        values[name] = str(rng.randint(2, 60))
    for name in ("percent", "percent2"):
        values[name] = rng.choice((str(rng.randint(2, 40)), f"{rng.uniform(1, 15):.1f}"))
    for name in ("day", "day2"):
        values[name] = _day(today, rng)
    for name in ("amount", "amount2"):
        values[name] = _amount(rng)
    return values


def _day(today: dt.date, rng: random.Random) -> str:
    day = today + dt.timedelta(days=rng.randint(-60, 60))
    if rng.random() < 0.75:
        return str(day)
    # A weekday or a month is no figure, and must be copied all the same.
    return rng.choice((f"{day:%A}", f"{day.day} {day:%B}"))


def _amount(rng: random.Random) -> str:
    value = rng.uniform(20, 20000)
    return rng.choice((f"${value:,.2f}", f"{value:.2f}", f"${value:,.0f}", f"€{value:,.0f}"))
