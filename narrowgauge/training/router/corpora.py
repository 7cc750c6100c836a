"""Reads the public data sets that give further sub-tasks; every path comes from the caller."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from narrowgauge.errors import InvalidRequest

__all__ = ["external_tasks", "labelled_tasks", "read_jsonl", "taskbench_texts", "without_politeness"]

_POLITE = re.compile(
    r"^(?:(?:please|kindly|hey|hi|hello|ok|okay|olly|alexa|can you|could you|would you|will you|can u|"
    r"could u|i want you to|i'd like you to|i would like you to|i need you to|i want to|i'd like to|"
    r"i would like to|i need to|would you mind|you to)\b[,!: ]*)+(?=[a-z'])",
    re.IGNORECASE,
)
_UNCLEAR = re.compile(r"[.?!;:\n]\s|\bthen\b|\b(?:it|them|those|these|that|this)\b", re.IGNORECASE)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Reads JSON Lines, plain or xz."""
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    for line in content.decode("utf-8").split("\n"):
        if line.strip():
            yield json.loads(line)


def without_politeness(text: str) -> str:
    """Cuts an opening such as `can you please`, and closing punctuation."""
    text = text.strip().rstrip(".?! ")
    shorter = _POLITE.sub("", text)
    return shorter if len(shorter.split()) > 1 else text


def external_tasks(data: Path, part: str) -> dict[str, list[tuple[str, str, bool]]]:
    """Returns `{corpus: [(text, intent, clear)]}`; a clear text has no reference and no inner sentence end.

    Args:
        data: Folder with `clinc150`, `hwu64`, `snips`, `spider`, `wikisql`, `text2sql_advising`.
        part: `train` or `dev`; corpora without a dev file give every tenth row to dev.
    """
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for corpus in ("clinc150", "hwu64", "snips"):
        path = data / corpus / f"{part}.jsonl.xz"
        rows = list(read_jsonl(path if path.exists() else data / corpus / "train.jsonl.xz"))
        if not path.exists() or corpus == "snips":
            rows = [r for i, r in enumerate(rows) if (i % 10 == 0) == (part == "dev")]
        found[corpus] = [_task(r["text"], r["intent"]) for r in rows]
    questions: list[str] = [r["question"] for r in read_jsonl(data / "spider" / "train.jsonl.xz")]
    questions += [r["question"] for r in read_jsonl(data / "wikisql" / "train.jsonl.xz")][:12000]
    questions += [r["question"] for r in read_jsonl(data / "text2sql_advising" / "train.jsonl.xz")][:1500]
    found["questions"] = [
        _task(re.sub(r"\s+([?.,'])", r"\1", q), "sql")
        for i, q in enumerate(questions)
        if (i % 10 == 0) == (part == "dev")
    ]
    return found


def labelled_tasks(path: Path) -> list[tuple[str, str, bool]]:
    """Returns `[(text, intent, clear)]` of JSON Lines `{"text": …, "intent": …}`, plain or xz.

    Raises:
        InvalidRequest: A line is not of this form, or there is none.
    """
    found = []
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    for number, line in enumerate(content.decode("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.append(_task(str(row["text"]), str(row["intent"])))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(
                "BAD_EXAMPLES", f'{path}:{number} is not {{"text": …, "intent": …}}: {error}'
            ) from error
    if not found:
        raise InvalidRequest("NO_EXAMPLES", f"{path} has no labelled request")
    return found


def _task(text: str, intent: str) -> tuple[str, str, bool]:
    cleaned = without_politeness(text)
    clear = not _UNCLEAR.search(cleaned) and 2 <= len(cleaned.split()) <= 22
    return cleaned, intent, clear


def taskbench_texts(data: Path) -> list[str]:
    """Returns the unlabelled multi-step requests, for the choice of the vocabulary."""
    texts: list[str] = []
    for name in ("dailylifeapis", "huggingface", "multimedia"):
        rows = read_jsonl(data / "taskbench_requests" / f"{name}.jsonl.xz")
        texts += [r["user_request"] for r in rows]
    return texts
