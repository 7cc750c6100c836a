"""Salesforce calls that go wrong as people and models get them wrong, made out of right ones.

Each rule takes a right call in the form of `docs/eval.md` and returns one that an organisation should refuse,
or None where the call has nothing that the rule could break. Whether it is refused is found out by sending
it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

from narrowgauge.training.specialist.recovery_salesforce_calls import Call, Rule
from narrowgauge.training.specialist.recovery_salesforce_names import (
    unknown_field,
    unknown_object,
    unknown_relationship,
)
from narrowgauge.training.specialist.recovery_salesforce_queries import compared_type, unfilterable, ungrouped
from narrowgauge.training.specialist.recovery_salesforce_writes import (
    bad_email,
    bad_picklist,
    duplicate,
    flag_as_text,
    malformed_date,
    missing_required,
    number_as_text,
    out_of_range,
    read_only,
    too_long,
    wrong_record_type,
    wrong_reference,
)
from narrowgauge.training.specialist.salesforce_requests import Request
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["broken_calls"]


def broken_calls(request: Request, catalogue: Catalogue, rng: random.Random) -> Iterator[tuple[str, Call]]:
    """Yields kinds of errors with a call that has one, in random order.

    Args:
        request: A request with its right call.
        catalogue: Of its organisation.
        rng: Draws.
    """
    entities = {entity.name: entity for entity in catalogue.entities}
    rules = list(_RULES.items())
    rng.shuffle(rules)
    for kind, rule in rules:
        call: Call = {"operation": request.operation, **copy.deepcopy(dict(request.call))}
        broken = rule(call, request, entities, rng)
        if broken is not None:
            yield kind, broken


_RULES: dict[str, Rule] = {
    "bad_picklist": bad_picklist,
    "unknown_field": unknown_field,
    "missing_required": missing_required,
    "malformed_date": malformed_date,
    "number_as_text": number_as_text,
    "flag_as_text": flag_as_text,
    "number_out_of_range": out_of_range,
    "bad_email": bad_email,
    "text_too_long": too_long,
    "wrong_record_type": wrong_record_type,
    "wrong_reference": wrong_reference,
    "read_only_field": read_only,
    "duplicate": duplicate,
    "unknown_object": unknown_object,
    "unknown_relationship": unknown_relationship,
    "ungrouped_field": ungrouped,
    "compared_type": compared_type,
    "unfilterable_field": unfilterable,
}
