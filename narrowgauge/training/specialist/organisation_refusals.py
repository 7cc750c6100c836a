"""Questions on an invented organisation that no call answers, in the words of those that one does.

What refuses them is the catalogue alone: nothing in it has the field or the object that they ask for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.organisation_objects import object_ideas
from narrowgauge.training.specialist.organisation_scene import sections
from narrowgauge.training.specialist.organisation_shown import FILE
from narrowgauge.training.specialist.organisations import Organisation
from narrowgauge.training.specialist.salesforce_names import COMPANIES
from narrowgauge.training.specialist.sql_schema import plural
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["is_absent", "refused_of"]

# What people ask for and no organisation of training has.
_NOWHERE = (
    *("shoe size", "blood type", "favourite colour", "horoscope", "bank account", "tax number", "password"),
    *("credit score", "home insurance", "opening hours", "dress code", "parking fee", "share price"),
    *("carbon footprint", "holiday allowance", "canteen menu", "noise level", "insurance number"),
)
# Words of labels that say too little to tell whether the organisation has it.
_COMMON = frozenset(
    ("date", "name", "number", "status", "state", "type", "on", "of", "per", "for", "by", "at")
)


def refused_of(organisation: Organisation, *, seed: int) -> Iterator[str]:
    """Yields such questions without end; the same seed gives the same ones.

    Args:
        organisation: With objects of its own.
        seed: Of all that is drawn.
    """
    rng = random.Random(f"{seed}/refused/{organisation.catalogue.hash}")
    entities = {entity.name: entity for entity in organisation.catalogue.entities}
    foreign = [
        field
        for idea in object_ideas()
        for field in idea.fields[1:]
        if field.kind not in ("flag", "target") and " " in field.label
    ]
    absent = [idea.label for idea in object_ideas()]
    while True:
        entity = entities[rng.choice(organisation.further)] if organisation.further else None
        if entity is None:
            return
        one = (entity.label or entity.name).lower()
        company = rng.choice(COMPANIES)
        idea = organisation.ideas.get((entity.name, "Name"))
        named = rng.choice(idea.values) if idea is not None and idea.kind == "text" else f"{company}'s {one}"
        if rng.random() < 0.6:
            label = rng.choice(_NOWHERE) if rng.random() < 0.5 else rng.choice(foreign).label.lower()
            if not is_absent(label, organisation.catalogue):
                continue
            section, slots = "lookup", {"f": label, "whom": rng.choice((named, f"the {one} {named}", named))}
            if "'s" in named:
                slots["whom"] = named
        else:
            label = rng.choice(absent).lower()
            if not is_absent(label, organisation.catalogue):
                continue
            section, slots = "has", {"o": label, "os": plural(label), "who": company}
        wording = rng.choice(sections(FILE)[section])
        for slot, words in slots.items():
            wording = wording.replace(f"{{{slot}}}", words)
        yield roughen(wording.replace("a(n)", "an" if slots.get("o", "")[:1] in "aeiou" else "a"), rng)


def _words(catalogue: Catalogue) -> frozenset[str]:
    labels = [entity.label or entity.name for entity in catalogue.entities]
    labels += [f.label or f.name for entity in catalogue.entities for f in entity.fields]
    return frozenset(word for label in labels for word in _parts(label))


def _parts(label: str) -> list[str]:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower())
    return [word.removesuffix("s") for word in words if word not in _COMMON]


def is_absent(label: str, catalogue: Catalogue) -> bool:
    """Tells whether no word of a label is one of an organisation's own: then nothing in it can be meant."""
    parts = _parts(label)
    return bool(parts) and not _words(catalogue) & set(parts)
