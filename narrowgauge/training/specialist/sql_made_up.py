"""Values to ask for in schemas without data, by what a column is called and the part that it plays."""

from __future__ import annotations

import random
from collections.abc import Mapping

from narrowgauge.training.specialist.entities import draw_entity

__all__ = ["is_supposed", "made_up"]

_COUNTRIES = (
    *("Germany", "United Kingdom", "United States", "France", "Spain", "Italy", "Japan", "Canada", "Sweden"),
    *("Poland", "Brazil", "India", "Netherlands", "Mexico", "Australia", "China", "Norway"),
)
_SUPPOSED: Mapping[str, tuple[str | int | float, ...]] = {
    "status": ("open", "closed", "pending", "active"),
    "type": ("standard", "premium", "basic", "trial"),
    "category": ("food", "furniture", "books", "clothing"),
    "gender": ("F", "M"),
    "sex": ("F", "M"),
    "priority": ("low", "medium", "high"),
    "grade": ("A", "B", "C", "D"),
    "genre": ("drama", "comedy", "jazz", "rock"),
    "language": ("English", "French", "Spanish", "Hindi"),
    "color": ("red", "blue", "green", "black"),
    "country": _COUNTRIES,
    "nationality": _COUNTRIES,
    "city": ("Boston", "Lyon", "Osaka", "Leeds", "Turin", "Austin"),
    "state": ("Texas", "Ohio", "Bavaria", "Oregon"),
    "department": ("Sales", "History", "Finance", "Research"),
    "position": ("goalkeeper", "captain", "assistant", "manager"),
    "level": ("junior", "senior", "expert"),
    "method": ("cash", "card", "transfer"),
    "format": ("mp3", "wav", "pdf", "print"),
    "result": ("won", "lost", "draw"),
}
_WORDS = (
    *("Aurora", "Beacon", "Cobalt", "Delta", "Ember", "Falcon", "Garnet", "Harbor", "Indigo", "Juniper"),
    *("Kestrel", "Lumen", "Meridian", "Nimbus", "Onyx", "Pioneer", "Quarry", "Raven", "Summit", "Tundra"),
)
_PEOPLE = (
    *("player", "driver", "captain", "winner", "director", "artist", "rider", "author", "coach", "manager"),
    *("candidate", "incumbent", "host", "writer"),
)


def is_supposed(words: str) -> bool:
    """Tells whether a column's name alone says which values it has."""
    return words.split()[-1] in _SUPPOSED


def made_up(words: str, role: str, rng: random.Random) -> tuple[str | int | float, ...]:
    """Returns values for a column.

    Args:
        words: Its name as words.
        role: The part that it plays, as a schema's columns have it.
        rng: The source of chance.
    """
    last = words.split()[-1]
    if last in _SUPPOSED and role not in ("number", "date"):
        return _SUPPOSED[last]
    if role == "number":
        return tuple(rng.choice((10, 20, 50, 100, 250, 500, 1000, 5000, 7, 3, 42)) for _ in range(8))
    if role == "date":
        return tuple(f"202{rng.randint(2, 6)}-{rng.randint(1, 12):02}-{d:02}" for d in range(1, 25, 4))
    if last in ("code", "number", "sku", "reference", "no"):
        return tuple(f"{rng.choice('ABCKRXZ')}{rng.choice('-.')}{rng.randint(10, 9999)}" for _ in range(8))
    if last in _PEOPLE or words.endswith("full name"):
        return tuple(draw_entity("person", rng) for _ in range(8))
    if role == "text":
        return (*rng.sample(_WORDS, 4), *(_odd_text(rng) for _ in range(6)))
    return _WORDS


def _odd_text(rng: random.Random) -> str:
    """Draws a text such as tables of results have: scores, places, dates, codes, names with marks in them."""
    low, high = sorted(rng.sample(range(90), 2))
    forms = (
        *(f"{high}-{low}", f"{low}:{high:02}", f"{rng.choice('KQTU')}{low}", f"{high}th", f"{low}/{high}"),
        *(f"St. {rng.choice(_WORDS)}", f"{rng.choice(_WORDS)} & {rng.choice(_WORDS)}"),
        *(f"{rng.choice(_WORDS)} ({high})", f"{rng.choice(_WORDS)} Park, {rng.choice(_WORDS)}"),
        *(f"{draw_entity('person', rng)}", f"May {1 + low % 28}, 19{10 + high % 90}"),
    )
    return rng.choice(forms)
