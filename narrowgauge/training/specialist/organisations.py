"""Catalogues of organisations that do not exist: the demo's objects, and some that are in no other one."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from narrowgauge.contracts.salesforce_catalogue import (
    Described,
    catalogue_of_describes,
    described_of,
    usual_objects,
)
from narrowgauge.demo.organisation_schema import describes
from narrowgauge.training.specialist.organisation_objects import (
    FieldIdea,
    ObjectIdea,
    api_name,
    describe_of_idea,
    object_ideas,
    standard_describes,
)
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["KEY_FIELD", "Organisation", "demo_objects", "organisations"]

KEY_FIELD = "Narrowgauge_Key__c"
"""The demo organisation's field for idempotency keys, which no call sets by itself."""

# Of an organisation's further objects, where standard ones are known.
_STANDARD = 0.3
# Objects that others refer to; of the demo's others each organisation has most.
_ALWAYS = frozenset(("Account", "Contact", "User"))
_KEPT = 0.7


@dataclass(frozen=True)
class Organisation:
    """An invented organisation.

    Attributes:
        catalogue: All its objects: most of the demo's and the further ones.
        further: Names of the objects that the demo organisation lacks.
        ideas: What a field of an invented object holds, by the names of object and field.
        prefixes: The first characters of their records' ids, by name.
    """

    catalogue: Catalogue
    further: tuple[str, ...]
    ideas: Mapping[tuple[str, str], FieldIdea]
    prefixes: Mapping[str, str]


@cache
def demo_objects() -> tuple[Described, ...]:
    """Returns the demo organisation's usual objects."""
    listed = describes()
    by_name = {describe["name"]: describe for describe in listed}
    return tuple(described_of(by_name[name]) for name in usual_objects(listed))


def organisations(given: Sequence[Mapping[str, Any]], *, seed: int) -> Iterator[Organisation]:
    """Yields organisations without end; the same seed gives the same ones.

    Args:
        given: Rows of describes, as `standard_describes` takes them; may be empty.
        seed: Of all that is drawn.
    """
    rng = random.Random(f"{seed}/organisations")
    demo = demo_objects()
    known = {described.name for described in demo}
    standard = [row for row in standard_describes(given) if row["name"] not in known]
    while True:
        # All come before one comes again.
        ideas = list(object_ideas())
        rng.shuffle(ideas)
        while ideas:
            yield _organisation(ideas, standard, rng)


def _organisation(
    ideas: list[ObjectIdea], standard: Sequence[dict[str, Any]], rng: random.Random
) -> Organisation:
    """Makes an organisation of the next ideas, which it takes off the list."""
    style = "joined" if rng.random() < 0.25 else "parted"
    further: list[dict[str, Any]] = []
    held: dict[tuple[str, str], FieldIdea] = {}
    for _ in range(rng.choice((1, 2, 2, 3))):
        if standard and rng.random() < _STANDARD:
            further.append(rng.choice(standard))
        elif ideas:
            idea = ideas.pop()
            taken = [idea, *(other for other in object_ideas() if other.label in idea.targets)]
            for one in taken:
                further.append(describe_of_idea(one, rng, style=style))
                named = {api_name(field.label, style): field for field in one.fields[1:]}
                named["Name"] = one.fields[0]
                held |= {(further[-1]["name"], name): field for name, field in named.items()}
    rows = {row["name"]: row for row in further}
    prefixes = {name: _prefix(place, rng) for place, name in enumerate(rows)}
    # Not every catalogue says which prefix the ids of its records have.
    told = rng.random() < 0.7
    objects = [
        described_of(row | ({"keyPrefix": prefixes[name]} if told else {})) for name, row in rows.items()
    ]
    usual = [one for one in demo_objects() if one.name in _ALWAYS or rng.random() < _KEPT]
    catalogue = catalogue_of_describes([*usual, *objects], key_field=KEY_FIELD)
    return Organisation(catalogue, tuple(rows), held, prefixes)


def _prefix(place: int, rng: random.Random) -> str:
    """Makes up the first characters of an object's record ids; different ones for different places."""
    return f"a{rng.randint(0, 9)}{string.ascii_letters[8 * place + rng.randrange(8)]}"
