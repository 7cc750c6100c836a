"""Requests on invented organisations with the calls that they mean: on objects that no other request names.

Object, fields and values are named as people read them. Each organisation gets some twenty requests, since
its grammar is compiled anew, and few record ids stand in them for the same reason.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.organisation_asked import Asked
from narrowgauge.training.specialist.organisation_contrasts import query_contrasts
from narrowgauge.training.specialist.organisation_queries import query_family
from narrowgauge.training.specialist.organisation_scene import Scene
from narrowgauge.training.specialist.organisation_told import write_contrasts
from narrowgauge.training.specialist.organisation_writes import write_family
from narrowgauge.training.specialist.organisations import Organisation
from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.training.specialist.salesforce_values import record_id
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.v1.catalogue_pb2 import Entity

__all__ = ["REQUESTS_OF_ONE", "organisation_requests"]

REQUESTS_OF_ONE = 20
"""Requests on each organisation."""

_QUERIES = 0.62
# Families that tell apart what a small model confuses.
_CONTRASTS = 0.42
# Requests on the objects that every organisation has, said by the same wordings.
_USUAL = 0.12
_PREFIXES = {"Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "Case": "500"}
_PREFIXES |= {"Task": "00T", "Campaign": "701", "Product2": "01t", "Renewal__c": "a00"}
_RECORDS = 2


def organisation_requests(organisation: Organisation, *, seed: int) -> Iterator[Request]:
    """Yields requests on one organisation without end; the same seed gives the same requests."""
    rng = random.Random(f"{seed}/{organisation.catalogue.hash}")
    entities = {entity.name: entity for entity in organisation.catalogue.entities}
    ids = _ids(organisation, rng)
    while True:
        entity = _entity(organisation, entities, rng)
        scene = Scene(entities, entity, organisation.ideas, ids, draw_today(rng), rng)
        for asked in _family(scene):
            kind = f"organisation {asked.kind}"
            yield Request(_typed(asked, rng), asked.operation, asked.call, asked.rows, kind, scene.today)


def _family(scene: Scene) -> list[Asked]:
    query, contrasts = (scene.rng.random() < share for share in (_QUERIES, _CONTRASTS))
    if query:
        return query_contrasts(scene) if contrasts else query_family(scene)
    # Twice, for these are half as many as those of a family.
    return [*write_contrasts(scene), *write_contrasts(scene)] if contrasts else write_family(scene)


def _entity(organisation: Organisation, entities: Mapping[str, Entity], rng: random.Random) -> Entity:
    if not organisation.further or rng.random() < _USUAL:
        return entities[rng.choice([name for name in _PREFIXES if name in entities])]
    return entities[rng.choice(organisation.further)]


def _ids(organisation: Organisation, rng: random.Random) -> dict[str, list[str]]:
    """Draws a few records of each object that is asked about or referred to."""
    prefixes = {**_PREFIXES, **organisation.prefixes}
    return {name: [record_id(prefix, rng) for _ in range(_RECORDS)] for name, prefix in prefixes.items()}


def _typed(asked: Asked, rng: random.Random) -> str:
    """Types a request as people do, without a slip in what the call copies."""
    text = " ".join(asked.text.split())
    typed = roughen(text, rng)
    copied = [value for value in _texts(json.loads(json.dumps(asked.call))) if value in text]
    return typed if all(value in typed for value in copied) else text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip("%")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)
