"""Names of people, companies, places and things: made up, but for the places."""

from __future__ import annotations

import random
import re

__all__ = ["KINDS", "draw_entity", "kind_of"]

_FIRST = (
    "Anna Bruno Carla Dmitri Elena Farid Grace Hiro Ines Jonas Kavya Liam Maya Noah Olga Pedro Quinn "
    "Rosa Samir Tara Umar Vera Wei Ximena Yusuf Zoe Aisha Ben Chloe Diego Emma Felix Hannah Ivan Julia "
    "Kenji"
)
_LAST = (
    "Adler Bauer Castillo Dubois Eriksen Fontaine Gupta Hassan Ito Jansen Kowalski Lindgren Moreau "
    "Nakamura Okafor Petrov Quigley Rossi Schmidt Tanaka Underwood Vargas Weber Yilmaz Zhang Brown Clark "
    "Diaz Evans"
)
_COMPANY_HEADS = (
    "Alder Bright Cedar Delta Ember Falcon Granite Harbor Iris Juniper Kestrel Lumen Maple Nimbus Orchid "
    "Pine Quarry River Summit Tidal Union Vertex Willow Zephyr Copper Northwind Bluefield Stone Meadow"
)
_COMPANY_TAILS = (
    "Foods|Logistics|Textiles|Labs|Energy|Motors|Optics|Partners|Robotics|Supply|Systems|Tools|Trading|"
    "& Sons|Works|Pharma|Media|Freight|Interiors|Group"
)
_CITIES = (
    "Amsterdam|Athens|Austin|Barcelona|Bergen|Bogota|Boston|Brussels|Cairo|Copenhagen|Dakar|Denver|"
    "Dublin|Geneva|Hamburg|Hanoi|Helsinki|Istanbul|Kyoto|Lagos|Lima|Lisbon|London|Lyon|Madrid|Manila|"
    "Melbourne|Montreal|Munich|Nairobi|New York|Osaka|Oslo|Paris|Porto|Prague|Riga|Rome|San Diego|"
    "Seattle|Seoul|Sofia|Sydney|Tallinn|Toronto|Turin|Vienna|Warsaw|Zurich"
)
_COUNTRIES = (
    "Argentina|Austria|Belgium|Brazil|Canada|Chile|Denmark|Egypt|Finland|France|Germany|Greece|India|"
    "Ireland|Italy|Japan|Kenya|Mexico|Morocco|Norway|Peru|Poland|Portugal|Spain|Sweden|Turkey|Vietnam"
)
_PRODUCTS = (
    "desk lamp|office chair|laser printer|water filter|hand drill|garden hose|air purifier|"
    "coffee machine|mountain bike|winter jacket|phone charger|paper shredder|travel bag|electric kettle|"
    "monitor stand|tool box|solar panel|label maker|fire extinguisher|safety helmet|packing tape|"
    "work gloves|ceiling fan|door lock"
)
_TOPICS = (
    "quarterly budget|new onboarding|travel expenses|late deliveries|site safety|product launch|"
    "customer feedback|staff training|server outage|price list|warranty claims|summer schedule|"
    "energy costs|supplier contract|annual report|data migration|stock count|office move"
)
_POOLS = {
    "city": _CITIES.split("|"),
    "country": _COUNTRIES.split("|"),
    "product": _PRODUCTS.split("|"),
    "topic": _TOPICS.split("|"),
}
KINDS = ("person", "first name", "company", "city", "country", "product", "topic")
"""Kinds of names."""

# Words of a field's name or description, the more telling kinds first.
_HINTS = (
    ("company", r"compan|account|organi[sz]ation|supplier|vendor|client|firm|customer_name|brand"),
    ("city", r"city|town|destination|origin|location|place|depart|arriv"),
    ("country", r"country|nation"),
    (
        "person",
        r"person|customer|contact|assignee|owner|employee|author|guest|patient|attendee|recipient|name$",
    ),
    ("product", r"product|item|article|equipment|goods|material"),
    ("topic", r"topic|subject|title|reason|note|comment|about|summary"),
)
_FIRST_NAMES, _LAST_NAMES = _FIRST.split(), _LAST.split()
_HEADS, _TAILS = _COMPANY_HEADS.split(), _COMPANY_TAILS.split("|")


def draw_entity(kind: str, rng: random.Random) -> str:
    """Draws a name of a kind."""
    match kind:
        case "person":
            return f"{rng.choice(_FIRST_NAMES)} {rng.choice(_LAST_NAMES)}"
        case "first name":
            return rng.choice(_FIRST_NAMES)
        case "company":
            return f"{rng.choice(_HEADS)} {rng.choice(_TAILS)}"
    return rng.choice(_POOLS[kind])


def kind_of(field: str, description: str, value: str) -> str | None:
    """Guesses what a text names, by itself and by its field; None where neither says.

    Args:
        field: The field's name.
        description: What the contract says of it.
        value: The text.
    """
    for kind, pool in _POOLS.items():
        if value.casefold() in (name.casefold() for name in pool):
            return kind
    words = value.split()
    if len(words) <= 2 and words[0].capitalize() in _FIRST_NAMES:
        return "person" if len(words) == 2 else "first name"
    # A sentence is no name.
    if len(words) > 4 or any(char.isdigit() for char in value):
        return None
    for kind, hint in _HINTS:
        if re.search(hint, field) or re.search(hint, description.lower()):
            titled = all(word[:1].isupper() or word == "&" for word in words)
            if titled == (kind not in ("product", "topic")):
                return kind
    return None
