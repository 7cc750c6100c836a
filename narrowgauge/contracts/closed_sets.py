"""Closed sets out of a catalogue and the request's context.

| name | values |
|---|---|
| `entities` | names of all entities |
| `fields` | distinct field names of all entities |
| `qualified_fields` | `entity.field` |
| `values` | distinct categorical values of all fields |
| `fields:<Entity>` | the entity's field names |
| `values:<Entity>.<Field>` | the field's categorical values, when it has any |
| `type:<Entity>.<Field>` | the field's type, as the only value |
| `references:<Entity>.<Field>` | the `entity.field` that the field refers to, when it refers to any |
| `writable:<Entity>` | the fields that may be written |
| `create_only:<Entity>` | those of them that may be written in a new record only |
| `never_empty:<Entity>` | those of them that cannot be emptied |
| `required:<Entity>` | the fields that a new record needs |
| `external_ids:<Entity>` | the fields that identify a record in an outside system |
| `relationships:<Entity>` | `relationship=Entity` for each named reference to one entity |
| `figures` | numbers, dates, amounts and percentages of the context documents, as written |
| `key_prefix:<Entity>` | the first characters of the entity's record ids, when it has any |
| `record_ids` | names and key prefixes of the record ids in the request or its context (`RecordAliases`) |
| `external_keys` | `given` when the request or its context gives a key of another system (`gives_key`) |
| any other | the catalogue's `closed_sets` |
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from narrowgauge.contracts.external_keys import EXTERNAL_KEYS, gives_key
from narrowgauge.contracts.record_aliases import RECORD_IDS, RecordAliases
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import catalogue_pb2, specialist_pb2

__all__ = [
    "FIGURES",
    "TEXT_SETS",
    "catalogue_hash",
    "catalogue_sets",
    "closed_sets_of",
    "figures_in",
    "source_text",
    "text_sets",
]

FIGURES = "figures"
"""Name of the closed set of a surface whose calls quote the figures of their context."""

TEXT_SETS = ("figures", RECORD_IDS, EXTERNAL_KEYS)
"""Closed sets that come from a sub-task's words, and so differ between requests on one catalogue."""

_RESERVED = frozenset({"entities", "fields", "qualified_fields", "values", *TEXT_SETS})

# A figure is not a part of a word or of an identifier such as INV-0042.
_FIGURE = re.compile(
    r"""(?<!\w)(?<!\w[.,:/-])
    (?:
        \d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?      # dates and times
      | \d{1,2}[./]\d{1,2}[./]\d{2,4}                                     # dates with the day or month first
      | \d{1,2}:\d{2}(?::\d{2})?                                          # times
      | [-+−]?(?:[$€£¥]|USD\ |EUR\ |GBP\ |CHF\ )?[-+−]?
        (?:\d{1,3}(?:[,'’ ]\d{3})+|\d+)(?:[.,]\d+)?                  # numbers
        (?:\s?(?:%|‰|€|£|\$))?
        (?:\s?(?:million|billion|thousand|percent)\b|[kKMB]\b|bn\b)?
    )
    (?![\w]|[.,:/-]\d)""",
    re.VERBOSE,
)


def closed_sets_of(
    catalogue: catalogue_pb2.Catalogue,
    context: Sequence[specialist_pb2.ContextDocument] = (),
    request: str = "",
) -> ClosedSets:
    """Returns all closed sets, each with distinct values in a stable order.

    Raises:
        InvalidRequest: The catalogue has a closed set with the name of a derived one.
    """
    return {**catalogue_sets(catalogue), **text_sets(request, source_text(context))}


def text_sets(request: str, source: str) -> ClosedSets:
    """Returns the closed sets that a sub-task's own words make: the names in `TEXT_SETS`.

    Args:
        request: The sub-task.
        source: Text of its context (`source_text`).
    """
    return {
        "figures": _distinct(figures_in(source)),
        RECORD_IDS: RecordAliases(request, source).closed_set,
        EXTERNAL_KEYS: ("given",) if gives_key(request, source) else (),
    }


def catalogue_sets(catalogue: catalogue_pb2.Catalogue) -> ClosedSets:
    """Returns the closed sets that a catalogue makes, the same for every sub-task on it.

    Raises:
        InvalidRequest: The catalogue has a closed set with the name of a derived one.
    """
    sets: dict[str, Sequence[str]] = {
        "entities": _distinct(entity.name for entity in catalogue.entities),
        "fields": _distinct(field.name for entity in catalogue.entities for field in entity.fields),
        "qualified_fields": _distinct(
            f"{entity.name}.{field.name}" for entity in catalogue.entities for field in entity.fields
        ),
        "values": _distinct(
            value for entity in catalogue.entities for field in entity.fields for value in field.values
        ),
    }
    for entity in catalogue.entities:
        sets[f"fields:{entity.name}"] = _distinct(field.name for field in entity.fields)
        writable = [field for field in entity.fields if not field.read_only and not field.key]
        sets[f"writable:{entity.name}"] = _distinct(field.name for field in writable)
        sets[f"create_only:{entity.name}"] = _distinct(f.name for f in writable if f.create_only)
        sets[f"never_empty:{entity.name}"] = _distinct(f.name for f in writable if f.never_empty)
        # A boolean is never absent, and no record needs one to be given.
        sets[f"required:{entity.name}"] = _distinct(
            field.name for field in writable if not field.nullable and field.type != "boolean"
        )
        sets[f"external_ids:{entity.name}"] = _distinct(f.name for f in entity.fields if f.external_id)
        sets[f"relationships:{entity.name}"] = _distinct(
            f"{field.relationship}={field.references[0].partition('.')[0]}"
            for field in entity.fields
            if field.relationship and len(field.references) == 1
        )
        if entity.key_prefix:
            sets[f"key_prefix:{entity.name}"] = (entity.key_prefix,)
        for field in entity.fields:
            sets[f"type:{entity.name}.{field.name}"] = (field.type,)
            if field.references:
                sets[f"references:{entity.name}.{field.name}"] = _distinct(field.references)
            if field.values:
                sets[f"values:{entity.name}.{field.name}"] = _distinct(field.values)
    for named in catalogue.closed_sets:
        if named.name in _RESERVED:
            raise InvalidRequest(
                "RESERVED_CLOSED_SET",
                f"the catalogue's closed set {named.name!r} has the name of a derived one",
            )
        sets[named.name] = _distinct(named.values)
    return sets


def figures_in(text: str) -> list[str]:
    """Returns the numbers, dates, amounts and percentages of a text as written, in order."""
    return [match.group().strip() for match in _FIGURE.finditer(text)]


def source_text(documents: Sequence[specialist_pb2.ContextDocument]) -> str:
    """Returns the text that a call about its context may quote: a row a line where there is no text."""
    return "\n".join(document.text or "\n".join(document.rows_json) for document in documents)


def catalogue_hash(catalogue: catalogue_pb2.Catalogue) -> str:
    """Returns the SHA-256 over the deterministic serialisation without the hash, in lower-case hex."""
    copy = catalogue_pb2.Catalogue()
    copy.CopyFrom(catalogue)
    copy.hash = ""
    return hashlib.sha256(copy.SerializeToString(deterministic=True)).hexdigest()


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value in dict.fromkeys(values) if value)
