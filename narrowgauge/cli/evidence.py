"""Proof that a chain wrote what it says: the records, read back from the Salesforce endpoint itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from narrowgauge.errors import Unavailable
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2

__all__ = ["Evidence", "WriteLog", "read_back"]

_TIMEOUT_S = 10.0
_COLUMNS = ("CaseNumber", "Name", "Subject", "Status", "Priority", "AccountId")


@dataclass(frozen=True)
class Evidence:
    """A record as the endpoint has it.

    Attributes:
        object: For example `Case`.
        id: Its 18-character id.
        fields: Its fields; None when the endpoint does not have it.
    """

    object: str
    id: str
    fields: dict[str, Any] | None


class WriteLog:
    """Collects from a chain's events which records were written."""

    def __init__(self) -> None:
        self._writes: set[str] = set()
        self.records: list[tuple[str, str]] = []

    def note(self, event: pb.DispatchResponse) -> None:
        """Takes one event."""
        if event.HasField("tool_call") and event.tool_call.side_effect != options_pb2.SIDE_EFFECT_READ:
            self._writes.add(event.step_id)
        elif event.HasField("tool_result") and event.step_id in self._writes:
            result = json.loads(event.tool_result.json)
            if "object" in result and "id" in result:
                self.records.append((result["object"], result["id"]))


def read_back(url: str, token: str, records: Sequence[tuple[str, str]]) -> list[Evidence]:
    """Reads records over the REST API; blocks.

    Args:
        url: The instance.
        token: Its access token.
        records: Object and id of each.

    Raises:
        Unavailable: `NO_SALESFORCE`: the endpoint does not answer.
    """
    # No proxy: the endpoint is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(path: str) -> Any:
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            return json.load(response)

    evidence = []
    try:
        newest = get("/services/data/")[-1]["url"]
        for object_name, record_id in records:
            try:
                fields = get(f"{newest}/sobjects/{object_name}/{record_id}")
            except urllib.error.HTTPError as exc:
                if exc.code != 404:
                    raise
                fields = None
            evidence.append(Evidence(object_name, record_id, fields))
    except (OSError, ValueError) as exc:  # URLError is an OSError
        raise Unavailable("NO_SALESFORCE", f"{url} does not answer: {exc}") from exc
    return evidence


def evidence_table(evidence: Sequence[Evidence]) -> RenderableType:
    """Returns the records with the fields that tell them apart."""
    shown = [
        name for name in _COLUMNS if any(record.fields and record.fields.get(name) for record in evidence)
    ]
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("object", "id", *shown):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=34)
    for record in evidence:
        if record.fields is None:
            table.add_row(record.object, record.id, Text("missing", style="red"))
        else:
            table.add_row(record.object, record.id, *(str(record.fields.get(name) or "") for name in shown))
    return table
