"""Short names for the record ids of a sub-task, which the model reads and writes in their place.

An id like 006Ng000000000xIAA is a dozen tokens that say nothing, and a constraint with it is good for one
request. So prompts and calls of a surface that takes record ids have `@1`, `@2`, … in their order, and what
the model wrote gets the ids back. No id that the request or its context does not give can be written, none
can be copied wrongly, and the constraint is the same for all requests that have ids of the same objects.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from narrowgauge.contracts.schema_links import SchemaLink
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["ALIAS", "RECORD_ID", "RECORD_IDS", "RecordAliases"]

RECORD_IDS = "record_ids"
"""Name of the closed set of a surface that takes record ids."""
ALIAS = re.compile(r"(?<![\w@])@\d+(?!\w)")
"""A short name: by itself, so no part of an e-mail address like x@1and1.example."""

RECORD_ID = re.compile(r"\b(?=[A-Za-z]*[0-9])[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?\b")
"""A record id: 15 or 18 letters and digits, at least one of them a digit, as Salesforce makes them."""
_PREFIX_CHARS = 3


class RecordAliases:
    """The short names of one sub-task; the same texts give the same names."""

    @classmethod
    def of_sub_task(cls, closed_sets: Collection[str], request: str, source: str) -> RecordAliases:
        """Returns the names for a surface with these closed sets: none when it takes no record ids.

        Args:
            closed_sets: Names of the surface's closed sets.
            request: The sub-task.
            source: Text of its context (`closed_sets.source_text`).
        """
        return cls(request, source) if RECORD_IDS in closed_sets else cls()

    def __init__(self, *texts: str) -> None:
        """Names the record ids of texts in their order, passing over names that the texts have themselves."""
        taken = {name for text in texts for name in ALIAS.findall(text)}
        ids = dict.fromkeys(found for text in texts for found in RECORD_ID.findall(text))
        free = (name for name in (f"@{number}" for number in range(1, 10_000)) if name not in taken)
        self._names: Mapping[str, str] = dict(zip(ids, free, strict=False))
        self._ids = {name: record_id for record_id, name in self._names.items()}

    @property
    def closed_set(self) -> tuple[str, ...]:
        """For each id its name and key prefix, `@1 006`: all that a constraint needs to know of it."""
        return tuple(f"{name} {record_id[:_PREFIX_CHARS]}" for record_id, name in self._names.items())

    def hide(self, text: str) -> str:
        """Returns a text with the names in place of the ids."""
        return RECORD_ID.sub(lambda found: self._names.get(found[0], found[0]), text)

    def show(self, text: str) -> str:
        """Returns a text with the ids in place of their names."""
        return ALIAS.sub(lambda found: self._ids.get(found[0], found[0]), text)

    def hidden(self, documents: Sequence[ContextDocument]) -> Sequence[ContextDocument]:
        """Returns context documents with the names in place of the ids."""
        return [self._hidden(document) for document in documents] if self._names else documents

    def _hidden(self, document: ContextDocument) -> ContextDocument:
        return ContextDocument(
            title=document.title,
            text=self.hide(document.text),
            rows_json=[self.hide(row) for row in document.rows_json],
        )

    def links(self, catalogue: Catalogue) -> list[SchemaLink]:
        """Returns which object each id is of, as far as the catalogue knows the key prefixes."""
        entities = {entity.key_prefix: entity.name for entity in catalogue.entities if entity.key_prefix}
        return [
            SchemaLink(name, (entities[record_id[:_PREFIX_CHARS]],))
            for record_id, name in self._names.items()
            if record_id[:_PREFIX_CHARS] in entities
        ]
