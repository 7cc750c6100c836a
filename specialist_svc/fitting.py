"""Fits a sub-task's prompt into a slot.

Three things can be long and give way, in this order:

1. Rows of tabular results: the first rows are shown and the others counted in a last line. Closed sets
   (names, figures) are still made of all rows.
2. The catalogue: `catalogue_text` prunes it to what the request can need, as the specialist's configuration
   allows, and further when it has to. The constraint still allows every name.
3. The examples of a specialist that is not tuned, the farthest from the request first.

What is no help is left out first: the words that say where a request is meant, and columns of record ids
where calls are about a table. Texts are never cut: a request or document that does not fit is refused with
both token counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from narrowgauge.contracts.catalogue_text import catalogue_text, holds_dates
from narrowgauge.contracts.places_said import request_shown
from narrowgauge.contracts.prompts import PromptParts, build_prompt, context_text
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.record_columns import context_shown
from narrowgauge.contracts.schema_links import SchemaLink, schema_links
from narrowgauge.contracts.shots import nearest_shots
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument
from specialist_svc.specialist import Specialist

__all__ = ["fit_prompt"]

_MAX_ROWS = 64
_LEAST_ROWS = 3
_LEAST_CHARS = 256


def fit_prompt(
    specialist: Specialist,
    *,
    request: str,
    context: Sequence[ContextDocument],
    catalogue: Catalogue,
    today: str,
    output_tokens: int,
    aliases: RecordAliases,
) -> PromptParts:
    """Builds the first turn's prompt so that it leaves room for the output.

    Args:
        specialist: Whose prompt.
        request: The sub-task.
        context: Documents that it is about.
        catalogue: What exists in the tool's environment.
        today: YYYY-MM-DD.
        output_tokens: Room to leave, in tokens.
        aliases: Names for the record ids.

    Raises:
        InvalidRequest: PROMPT_TOO_LONG: it does not fit even so; names the token counts.
    """
    budget = specialist.backend.slot_tokens - output_tokens
    shots = nearest_shots(specialist.shots, request, context_text(context, max_rows=_LEAST_ROWS))
    rows = max((len(document.rows_json) for document in context), default=0)
    chars = specialist.catalogue_chars if catalogue.entities else 0
    context = aliases.hidden(context_shown(context, request, specialist.surface))
    # The model knows which system it writes calls for, and would take that system's name for a value.
    request = aliases.hide(request_shown(request, specialist.surface))
    links: list[SchemaLink] = []
    if specialist.schema_links:
        links = [*aliases.links(catalogue), *schema_links(catalogue, request)]
    smallest = 0
    for left_out, most, shown in product(
        range(len(shots) + 1),
        _halvings(chars, least=_LEAST_CHARS),
        _halvings(min(rows, _MAX_ROWS), least=_LEAST_ROWS),
    ):
        parts = build_prompt(
            specialist.chat,
            specialist.instruction,
            shots[left_out:],
            request=request,
            catalogue=catalogue_text(catalogue, max_chars=most, request=request) if most else "",
            context=context_text(context, max_rows=shown),
            today=today,
            dated=holds_dates(catalogue),
            links=links,
        )
        smallest = specialist.backend.count_tokens(parts.texts)
        if smallest <= budget:
            return parts
    slot_tokens = specialist.backend.slot_tokens
    raise InvalidRequest(
        "PROMPT_TOO_LONG",
        f"the prompt has {smallest} tokens after all that may be shortened, and {budget} fit into a slot "
        f"of {slot_tokens} beside a call of {output_tokens}: shorten the request or its context, or raise "
        "NARROWGAUGE_SLOT_TOKENS",
        field_violations=[("start.context" if context else "start.text", "too long for the slot")],
        metadata={
            "prompt_tokens": str(smallest),
            "output_tokens": str(output_tokens),
            "slot_tokens": str(slot_tokens),
        },
    )


def _halvings(start: int, *, least: int) -> list[int]:
    values = [start]
    while values[-1] > least:
        values.append(max(least, values[-1] // 2))
    return values
