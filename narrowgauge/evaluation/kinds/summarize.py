"""`eval summarize`: texts to summaries; overlap with references, and figures that stand in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.answers import Answer, Case
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report
from narrowgauge.evaluation.summaries import ROUGE, rouge, summary_text, tokens_in, unsupported_figures
from narrowgauge.tools.text.v1 import text_pb2  # registers the contract's messages
from narrowgauge.v1 import specialist_pb2

__all__ = ["SummarizeKind"]

_SECTIONS = {
    "genhx": "history of present illness",
    "fam/sochx": "family and social history",
    "cc": "chief complaint",
    "pastmedicalhx": "past medical history",
    "pastsurgical": "past surgical history",
    "ros": "review of systems",
    "edcourse": "emergency department course",
    "gynhx": "gynecologic history",
    "other_history": "other history",
}
"""Sections of a medical note, as `data/mts_dialog` abbreviates them; others read as they are written."""


@dataclass(frozen=True)
class _Gold:
    source: str
    references: tuple[str, ...]


class SummarizeKind:
    """Records of texts with reference summaries.

    Args:
        records: In one of the forms of `docs/eval.md`.

    Raises:
        InvalidRequest: A record has no text or no reference.
    """

    specialist = "summary"

    def __init__(self, records: Sequence[Record]) -> None:
        self._gold = [_gold(record) for record in records]
        self.cases = [
            Case(
                str(record["id"]),
                specialist_pb2.ExecuteStart(
                    text=_request(record),
                    context=[specialist_pb2.ContextDocument(title="text", text=gold.source)],
                ),
            )
            for record, gold in zip(records, self._gold, strict=True)
        ]

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds `valid`, the ROUGE scores, `unsupported_figures` and `length_tokens`.

        A record without a summary scores 0.
        """
        scores: dict[str, list[float]] = {name: [] for name in ROUGE}
        lengths: list[float] = []
        figures: list[tuple[int, int]] = []
        valid = 0
        for case, gold, turns in zip(self.cases, self._gold, answers, strict=True):
            answer = turns[0]
            if answer.request is None or not answer.valid:
                report.fail(case.id, answer.why())
                for values in scores.values():
                    values.append(0.0)
                continue
            assert isinstance(answer.request, text_pb2.SummarizeRequest)
            valid += 1
            summary = summary_text(answer.request)
            for name, value in rouge(summary, gold.references).items():
                scores[name].append(value)
            lengths.append(tokens_in(summary))
            figures.append(unsupported_figures(summary, gold.source))
            if figures[-1][0]:
                report.fail(case.id, f"{figures[-1][0]} figures that the text does not have: {summary}")
        report.rate("valid", valid, len(self.cases))
        for name, values in scores.items():
            report.mean(name, values)
        report.statistic("unsupported_figures", figures, _share)
        report.mean("length_tokens", lengths)


def _share(counts: Sequence[tuple[int, int]]) -> float:
    missing, found = (sum(part) for part in zip(*counts, strict=True))
    return missing / found if found else 0.0


def _gold(record: Record) -> _Gold:
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no text")
    given = record.get("references") or record.get("summaries") or record.get("summary")
    references = [given] if isinstance(given, str) else list(given or ())
    if not references or not all(isinstance(item, str) and item.strip() for item in references):
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no reference summary")
    return _Gold(text, tuple(references))


def _request(record: Record) -> str:
    if query := str(record.get("query") or "").strip():
        return query
    if header := str(record.get("header") or "").strip():
        return f"Summarize the {_SECTIONS.get(header.lower(), header.lower())} for the medical note."
    return "Summarize the text."
