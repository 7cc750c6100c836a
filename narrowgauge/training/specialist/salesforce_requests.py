"""Requests on a Salesforce organisation with the call that each means, in the form of `docs/eval.md`."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from narrowgauge.training.specialist import salesforce_reads as reads
from narrowgauge.training.specialist import salesforce_writes as writes
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.salesforce_fields import Entities
from narrowgauge.training.specialist.salesforce_values import Value
from narrowgauge.training.specialist.sql_periods import TODAY, draw_today
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity

__all__ = ["Request", "requests"]

_WEIGHTS = {"Case": 5.0, "Account": 4.0, "Opportunity": 4.0, "Lead": 4.0, "Contact": 3.0, "Task": 3.0}


@dataclass(frozen=True)
class Request:
    """A request and the call that it means.

    Attributes:
        text: The request.
        operation: `query`, `get`, `create`, `update`, `upsert` or `delete`.
        call: The rest of the gold call, as in `docs/eval.md`.
        rows: Rows that the request speaks of, when it is one run of a for-each.
        kind: The rule that made it.
        today: The date on which it is asked.
    """

    text: str
    operation: str
    call: Mapping[str, object]
    rows: tuple[Mapping[str, Value], ...] = field(default=())
    kind: str = ""
    today: dt.date = TODAY


def requests(catalogue: Catalogue, *, seed: int, today: dt.date | None = None) -> Iterator[Request]:
    """Yields requests without end; the same seed gives the same requests.

    Args:
        catalogue: Of the organisation.
        seed: Of all that is drawn.
        today: The date on which all are asked; None for a date each.
    """
    rng = random.Random(seed)
    entities = {entity.name: entity for entity in catalogue.entities}
    makers = {
        "create": (writes.create, 3.0),
        "create_for_row": (writes.create_for_row, 3.5),
        "update": (writes.update, 2.0),
        "query": (reads.query, 4.0),
        "query_top": (reads.query_top, 0.6),
        "query_count": (reads.query_count, 1.2),
        "get": (writes.get, 0.7),
        "delete": (writes.delete, 0.8),
        "upsert": (writes.upsert, 0.6),
    }
    while True:
        kind = rng.choices(list(makers), [weight for _, weight in makers.values()])[0]
        entity = _entity(entities, rng)
        asked = today or draw_today(rng)
        made = makers[kind][0](entity, entities, asked, rng)
        if made is not None:
            text, operation, call, rows = made
            yield Request(_typed(" ".join(text.split()), call, rng), operation, call, rows, kind, asked)


def _typed(text: str, call: Mapping[str, object], rng: random.Random) -> str:
    """Types a request as people do, without a slip in a word that the call copies."""
    typed, stated = roughen(text, rng), json.dumps(call, ensure_ascii=False).lower()
    slipped = set(text.lower().split()) - set(typed.lower().rstrip("?.!").split())
    return text if any(word.strip(",.:;\"'") in stated for word in slipped) else typed


def _entity(entities: Entities, rng: random.Random) -> Entity:
    names = [name for name in entities if name not in ("User", "OpportunityContactRole", "CampaignMember")]
    return entities[rng.choices(names, [_WEIGHTS.get(name, 1.0) for name in names])[0]]
