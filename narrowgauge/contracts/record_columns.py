"""Tables without their columns of record ids, for a specialist that writes about them.

An id like 006Ng000000000xIAA is a dozen tokens of which a summary says none, and as many distractions for a
small model: without them it reads a third less and quotes better. What a call may quote is still made of the
whole source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from narrowgauge.contracts.closed_sets import FIGURES
from narrowgauge.contracts.prompts import context_row
from narrowgauge.contracts.record_aliases import RECORD_ID
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["context_shown"]

_ASKS_FOR_IDS = re.compile(r"\bids?\b", re.IGNORECASE)


def context_shown(
    documents: Sequence[ContextDocument], request: str, surface: CompiledSurface
) -> Sequence[ContextDocument]:
    """Returns context documents as their prompt has them, in serving and in training.

    Args:
        documents: Of a sub-task.
        request: The sub-task; one that asks for ids leaves them in.
        surface: The specialist's; one whose calls do not quote figures leaves the documents as they are.

    Raises:
        InvalidRequest: BAD_ROW: a row is not a JSON object.
    """
    if FIGURES not in surface.closed_sets or _ASKS_FOR_IDS.search(request):
        return documents
    return [_without_ids(document) for document in documents]


def _without_ids(document: ContextDocument) -> ContextDocument:
    rows = [context_row(row) for row in document.rows_json]
    columns = dict.fromkeys(key for row in rows for key in row)
    left = {column for column in columns if not _has_ids([row.get(column) for row in rows])}
    if len(left) == len(columns) or not left:
        return document
    return ContextDocument(
        title=document.title,
        text=document.text,
        rows_json=[json.dumps({key: value for key, value in row.items() if key in left}) for row in rows],
    )


def _has_ids(values: Sequence[object]) -> bool:
    some = [value for value in values if value is not None]
    return bool(some) and all(isinstance(value, str) and RECORD_ID.fullmatch(value) for value in some)
