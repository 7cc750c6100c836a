"""Metrics of summaries: ROUGE against references, and figures that the source does not have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from google.protobuf.message import Message

from narrowgauge.contracts.closed_sets import figures_in
from narrowgauge.errors import FailedPrecondition

__all__ = ["ROUGE", "rouge", "summary_text", "tokens_in", "unsupported_figures"]

ROUGE = {"rouge1": "rouge1", "rouge2": "rouge2", "rougeL": "rougeL"}
"""Metric names by rouge-score's own."""


def summary_text(request: Message) -> str:
    """Returns the summary that a `SummarizeRequest` holds: its headline, then its key points."""
    fields: Any = request
    return "\n".join([fields.headline, *fields.key_points]).strip()


def rouge(summary: str, references: Sequence[str]) -> dict[str, float]:
    """Returns the F1 of each ROUGE variant, stemmed, of the reference that fits best by that variant.

    Raises:
        FailedPrecondition: rouge-score is not installed.
    """
    scores = [_scorer().score(reference, summary) for reference in references]
    return {name: max(score[key].fmeasure for score in scores) for name, key in ROUGE.items()}


def tokens_in(text: str) -> int:
    """Counts a text's tokens as ROUGE does: runs of letters and digits."""
    from rouge_score.tokenize import tokenize

    return len(tokenize(text, None))


def unsupported_figures(summary: str, source: str) -> tuple[int, int]:
    """Returns how many of a summary's figures the source does not have, and how many it has in all.

    A figure is a number, date, amount or percentage. It is supported when the source writes it the same way,
    or the same number with other separators or without its unit.
    """
    known = {_bare(figure) for figure in figures_in(source)} | {
        _digits(figure) for figure in figures_in(source)
    }
    found = figures_in(summary)
    missing = sum(_bare(figure) not in known and _digits(figure) not in known for figure in found)
    return missing, len(found)


def _bare(figure: str) -> str:
    return figure.casefold().replace(" ", "")


def _digits(figure: str) -> str:
    """Returns a figure's digits with its decimal point: `$1,250.00` and `1250` are the same amount."""
    text = "".join(char for char in figure.replace(",", "").replace("'", "") if char.isdigit() or char == ".")
    whole, point, fraction = text.partition(".")
    return whole if not fraction.strip("0") else f"{whole}{point}{fraction.rstrip('0')}"


@cache
def _scorer() -> Any:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            "NO_ROUGE_SCORE", "eval summarize needs rouge-score: pip install 'narrowgauge[eval]'"
        ) from error
    return RougeScorer(list(ROUGE.values()), use_stemmer=True)
