"""Sources with a request and the summary that it asks for: true, short, and with the source's own figures.

Results of tools come as the router passes them, one or two documents; short texts come as a client's
document. A summary says only what can be read off its source. How many rows there are is written as a word
and only for a few rows, since no digit may stand in a summary that its source does not have.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from narrowgauge.contracts.closed_sets import figures_in, source_text
from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.training.specialist.summary_notes import Note, draw_note
from narrowgauge.training.specialist.summary_results import Part, Result, text_of_result
from narrowgauge.training.specialist.summary_rows import draw_result
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["Summary", "summaries"]

_MAX_HEADLINE, _MAX_POINT = 90, 110
_MAX_FIGURES = 6
_COUNTS = ("One", "Two", "Three", "Four", "Five")


@dataclass(frozen=True)
class Summary:
    """A request about documents, and the summary.

    Attributes:
        request: The request.
        documents: What it is about.
        headline: The most important thing.
        points: What else matters.
        figures: The figures of headline and points as the source has them, in order.
        today: The date on which it is asked.
    """

    request: str
    documents: tuple[ContextDocument, ...]
    headline: str
    points: tuple[str, ...]
    figures: tuple[str, ...]
    today: dt.date


def summaries(*, seed: int) -> Iterator[Summary]:
    """Yields summaries without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        today = draw_today(rng)
        kind = rng.choices(("table", "two tables", "note", "empty"), (12, 2, 4, 0.3))[0]
        style = rng.choices(("plain", "short", "points"), (6, 2, 2))[0]
        made = {"table": _table, "two tables": _two_tables, "note": _note, "empty": _empty}[kind](today, rng)
        if made is None:
            continue
        about, documents, headlines, points = made
        headline = rng.choice(headlines)
        wanted = {"plain": rng.choices((0, 1, 2), (2, 4, 2))[0], "short": 0, "points": 3}[style]
        # A point that repeats the headline's row would say nothing.
        kept = tuple(point for point in points if point != headline)[:wanted]
        if len(headline) > _MAX_HEADLINE or any(len(point) > _MAX_POINT for point in kept):
            continue
        figures = tuple(dict.fromkeys(figures_in("\n".join((headline, *kept)))))
        if len(figures) > _MAX_FIGURES or not set(figures) <= set(figures_in(source_text(documents))):
            continue
        yield Summary(roughen(_request(about, style, rng), rng), documents, headline, kept, figures, today)


_Made = tuple[str, tuple[ContextDocument, ...], list[str], list[str]] | None

_REQUESTS = {
    "plain": (
        *("summarize {x}", "write a short summary of {x}", "write a summary of {x}", "summarise {x}"),
        *("give me a short summary of {x}", "sum up {x}", "recap {x}", "brief me on {x}"),
        *("write a brief summary of {x}", "tell me what matters in {x}", "digest {x}", "sum {x} up"),
        *("I need a summary of {x}", "prepare a summary of {x}", "wrap up {x} in a short summary"),
    ),
    "short": (
        *("summarize {x} in one sentence", "give me a one-line summary of {x}", "a headline for {x}"),
        *("condense {x} into a headline", "put {x} in a sentence", "in one sentence, what do {x} say"),
    ),
    "points": (
        *("what are the key points of {x}", "list the key points of {x}", "give me the main points of {x}"),
        *("summarize {x} with the key points", "give me the highlights of {x}", "key points of {x}"),
    ),
}
_RESULTS = (
    *("the results", "the results", "the results", "the result", "the findings", "what came back", "it"),
    *("the numbers", "these rows", "the table", "that", "the output", "this", "everything"),
)


def _request(about: str, style: str, rng: random.Random) -> str:
    return rng.choice(_REQUESTS[style]).format(x=about)


def _document(result: Result, step: int) -> ContextDocument:
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in result.rows]
    return ContextDocument(title=f"step {step} result", text=text_of_result(result.rows), rows_json=rows)


def _table(today: dt.date, rng: random.Random) -> _Made:
    result = draw_result(today, rng)
    about = rng.choice((*_RESULTS, *((f"the {result.many}", f"these {result.many}") if result.many else ())))
    headlines, points = _said(result, rng)
    return about, (_document(result, rng.randint(1, 4)),), headlines, points


def _two_tables(today: dt.date, rng: random.Random) -> _Made:
    first, second = draw_result(today, rng), draw_result(today, rng)
    if first.many == second.many or len(first.rows) + len(second.rows) > 7:
        return None
    headlines, points = _said(first, rng)
    others, _ = _said(second, rng)
    step = rng.randint(1, 3)
    documents = (_document(first, step), _document(second, step + rng.randint(1, 2)))
    return rng.choice(_RESULTS), documents, headlines, [rng.choice(others), *points]


def _note(today: dt.date, rng: random.Random) -> _Made:
    note: Note = draw_note(today, rng)
    about = [*_RESULTS[:2], "the notes", "the text", "this document", "the message", "this note", "that"]
    if note.title:
        about += [f"the {note.title}"] * 2
    document = ContextDocument(title=note.title, text=note.text)
    return rng.choice(about), (document,), [note.headline], list(note.points)


def _empty(today: dt.date, rng: random.Random) -> _Made:
    document = ContextDocument(title=f"step {rng.randint(1, 4)} result", text="no rows")
    headlines = ["There are no results.", "No rows were found.", "The result is empty."]
    return rng.choice(_RESULTS), (document,), headlines, []


def _said(result: Result, rng: random.Random) -> tuple[list[str], list[str]]:
    """Returns possible headlines and the points that go with any of them."""
    if not result.name:
        return _of_scalar(result), []
    if result.prefix.startswith("the ") and result.measure:
        return _of_written(result, rng)
    if len(result.rows) == 1:
        return _of_one(result)
    if result.order and result.measure:
        return _of_ranking(result, result.measure, rng)
    return _of_list(result, rng)


def _of_scalar(result: Result) -> list[str]:
    assert result.measure is not None
    (value,), words = result.values(result.measure), result.measure.words
    return [f"The {words} is {value}.", f"The {words} is {value}.", f"The result is a {words} of {value}."]


def _of_one(result: Result) -> tuple[list[str], list[str]]:
    label, points = result.label(0), []
    headlines = []
    if result.measure:
        (value,) = result.values(result.measure)
        words = result.measure.words
        headlines = [f"{label} has {_a(words)} of {value}.", f"The {words} of {label} is {value}."]
    subject = result.rows[0].get("subject") or result.rows[0].get("Subject")
    if result.category and subject:
        said = _category(result, 0)
        headlines = [f"{label} is about: {subject}.", f"{label} ({subject}) is {said}."]
    elif result.category:
        said = _category(result, 0)
        headlines = headlines or [f"{label} is {said}."]
        points.append(f"It is {said}.")
    if result.date:
        (day,) = result.values(result.date)
        points.append(f"It {result.date.words} on {day}.")
    # A single headline has said it all.
    return [_sentence(text) for text in headlines], [] if len(headlines) == 1 else points


def _of_ranking(result: Result, part: Part, rng: random.Random) -> tuple[list[str], list[str]]:
    labels, values = [result.label(i) for i in range(len(result.rows))], result.values(part)
    best, worst = (part.high, part.low) if result.order == "down" else (part.low, part.high)
    words = part.words
    headlines = [
        f"{labels[0]} has the {best} {words} with {values[0]}.",
        f"{labels[0]} has the {best} {words}: {values[0]}.",
        f"The {best} {words} is {values[0]}, of {labels[0]}.",
        f"{labels[0]} comes first with {_a(words)} of {values[0]}.",
        f"{labels[0]} has the {best} {words} with {values[0]}, then {labels[1]} with {values[1]}.",
    ]
    if len(labels) <= len(_COUNTS):
        count = _COUNTS[len(labels) - 1]
        headlines.append(
            f"{count} {result.many} are listed; {labels[0]} has the {best} {words}, {values[0]}."
        )
    points = [
        rng.choice((f"{labels[1]} follows with {values[1]}.", f"{labels[1]} is next with {values[1]}."))
    ]
    if len(labels) > 2:
        last = f"{labels[-1]} has the {worst} {words} with {values[-1]}."
        third = f"{labels[1]} follows with {values[1]} and {labels[2]} with {values[2]}."
        points = rng.choice(([points[0], last], [third, last] if len(labels) > 3 else [third], [last]))
    points += _shared(result, rng)
    return [_sentence(text) for text in headlines], [_sentence(text) for text in points]


def _of_list(result: Result, rng: random.Random) -> tuple[list[str], list[str]]:
    labels = [result.label(i) for i in range(len(result.rows))]
    names = [label.removeprefix(result.prefix).strip() for label in labels]
    many = result.many
    shared = _shared(result, rng)
    headlines = list(shared)
    if len(names) <= 3:
        headlines.append(
            f"The {many} are {_and(names)}." if not result.prefix else f"They are {_and(labels)}."
        )
    elif len(names) <= len(_COUNTS):
        headlines.append(f"{_COUNTS[len(names) - 1]} {many} are listed, the first being {labels[0]}.")
    else:
        headlines.append(f"The list begins with {labels[0]} and ends with {labels[-1]}.")
    points = []
    for index in rng.sample(range(len(labels)), min(2, len(labels))):
        label = labels[index]
        facts = []
        if result.measure:
            facts.append(f"has {_a(result.measure.words)} of {result.values(result.measure)[index]}")
        if result.category and not shared:
            facts.append(f"is {_category(result, index)}")
        if result.date:
            facts.append(f"{result.date.words} on {result.values(result.date)[index]}")
        subject = result.rows[index].get("subject") or result.rows[index].get("Subject")
        if subject:
            facts.append(f"is about: {subject}")
        if facts:
            points.append((index, f"{label} {_and(facts[:2])}."))
    said = [text for _, text in sorted(points)]
    return [_sentence(text) for text in headlines], [_sentence(text) for text in (*said, *shared)]


def _of_written(result: Result, rng: random.Random) -> tuple[list[str], list[str]]:
    names = [str(row[result.name]) for row in result.rows]
    assert result.measure is not None
    values = result.values(result.measure)
    count = _COUNTS[len(names) - 1]
    rest = f"{names[0]}, {names[1]} and others" if len(names) > 2 else _and(names)
    headlines = [
        f"{count} {result.many} were written, the first for {names[0]}.",
        f"{count} {result.many} were written, for {rest}.",
        f"There is {_a(result.one)} each for {rest}.",
    ]
    best = f"{names[0]} has the largest total amount with {values[0]}." if result.order == "down" else ""
    points = [best or f"The total amount of {names[0]} is {values[0]}."]
    points.append(f"The total amount of {names[-1]} is {values[-1]}.")
    return headlines, points[: rng.randint(1, 2)]


def _shared(result: Result, rng: random.Random) -> list[str]:
    """Says what all rows have in common."""
    part = result.category
    if part is None or len(result.rows) < 2 or len(set(result.values(part))) > 1:
        return []
    said = _category(result, 0)
    both = "Both" if len(result.rows) == 2 else "All"
    forms = [f"{both} {result.many} are {said}."]
    if 2 <= len(result.rows) <= len(_COUNTS):
        forms.append(f"{_COUNTS[len(result.rows) - 1]} {result.many} are {said}.")
    return [rng.choice(forms)]


def _category(result: Result, index: int) -> str:
    assert result.category is not None
    value = result.values(result.category)[index]
    plain_word = result.category.column in ("Priority", "Status") and " " not in value
    return result.category.words.format(value.lower() if plain_word else value)


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _a(words: str) -> str:
    return f"an {words}" if words[0] in "aeio" or words.startswith("unpaid") else f"a {words}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
