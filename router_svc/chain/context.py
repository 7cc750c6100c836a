"""The context documents that a run gets: the client's, and the results of the steps that it depends on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.v1 import dispatcher_pb2, options_pb2
from narrowgauge.v1.specialist_pb2 import ContextDocument
from router_svc.chain.rows import (
    Row,
    is_tabular,
    message_json,
    row_of,
    rows_of,
    text_of_row,
    text_of_rows,
)
from router_svc.chain.state import ChainState, End, Run

__all__ = ["ContextBuilder"]


@dataclass(frozen=True)
class ContextBuilder:
    """Makes context documents of results.

    Attributes:
        pool: Descriptors of the bundle, which the results' types are in.
        max_text_chars: Bound on the text of one result; the rows themselves are never shortened.
    """

    pool: DescriptorPool
    max_text_chars: int

    def rows_for(self, state: ChainState, step: Run) -> list[tuple[str, Row]]:
        """Returns the rows that a for-each step runs over, each with the title of the document it is of."""
        assert state.plan is not None
        found: list[tuple[str, Row]] = []
        for dependency in state.plan.steps[step.step].depends_on:
            if dependency.kind == dispatcher_pb2.DEPENDENCY_KIND_FOR_EACH:
                other = state.step(dependency.step)
                rows = self._rows(state, other)
                found += [(f"row {n} of step {other.step_id} result", row) for n, row in enumerate(rows, 1)]
        return found

    def documents(
        self, state: ChainState, run: Run, given: Sequence[ContextDocument]
    ) -> list[ContextDocument]:
        """Returns one run's documents: the client's, one for each step that it uses, and its row."""
        assert state.plan is not None
        used = [
            state.step(dependency.step)
            for dependency in state.plan.steps[run.step].depends_on
            if dependency.kind == dispatcher_pb2.DEPENDENCY_KIND_USES
        ]
        documents = [*given, *(self._result(state, step) for step in used)]
        if run.row is not None:
            title, row = self.rows_for(state, run)[run.row]
            documents.append(ContextDocument(title=title, text=text_of_row(row), rows_json=[_dumps(row)]))
        return documents

    def _result(self, state: ChainState, step: Run) -> ContextDocument:
        title = f"step {step.step_id} result"
        message = self._message(step)
        if message is not None and not _is_table(step, message):
            text = _cut(message_json(message, self.pool), self.max_text_chars)
            return ContextDocument(title=title, text=text)
        rows = self._rows(state, step)
        text = text_of_rows(rows, self.max_text_chars)
        return ContextDocument(title=title, text=text, rows_json=[_dumps(row) for row in rows])

    def _rows(self, state: ChainState, step: Run) -> list[Row]:
        """Returns the rows of a step; those of a for-each step are the rows of its runs, in order."""
        if step.runs is None:
            return self._own_rows(step)
        rows: list[Row] = []
        sources = self.rows_for(state, step)
        for run in state.runs_of(step):
            message = self._message(run)
            if run.end is not End.FINISHED or message is None or run.row is None:
                continue
            own = self._own_rows(run)
            if not _is_table(run, message):
                # what was made ("id") says little without what it was made for ("name"); own values win
                own = [{**sources[run.row][1], **row} for row in own]
            rows += own
        return rows

    def _own_rows(self, run: Run) -> list[Row]:
        message = self._message(run)
        if message is None:
            return []
        return rows_of(message, self.pool) if _is_table(run, message) else [row_of(message, self.pool)]

    def _message(self, run: Run) -> Message | None:
        if run.result is None:
            return None
        name = run.result.TypeName()
        message = GetMessageClass(self.pool.FindMessageTypeByName(name))()
        message.ParseFromString(run.result.value)
        return message


def _is_table(run: Run, message: Message) -> bool:
    # a call that is itself the result, such as a summary with its list of figures, is one thing
    return run.execution != options_pb2.EXECUTION_NONE and is_tabular(message)


def _cut(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    note = f" … and {len(text) - max_chars} more characters"
    return text[:max_chars] + note


_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
