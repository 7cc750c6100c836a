"""Words drawn plans as one text: sentences, lists and lines, reversed order, politeness, typos."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from narrowgauge.training.router import connecting as c
from narrowgauge.training.router.plans import GoldStep, PlanDrawer, Pool, data_sources
from narrowgauge.training.router.wording import SLOTS

__all__ = ["Composer", "Request"]

_NAMING = ("rows", "object", "row2", "doc", "unit", "party", "attr")
_QUESTION = re.compile(r"^(?:what|which|who|how|when|where|are|is|do|does|did|why|can)\b", re.IGNORECASE)
_MORE_MARKS = 0.6
_MISSPELT = 0.3
_KEY_WORD = re.compile("|".join(sorted({w for name in _NAMING for v in SLOTS[name] for w in v.split()})))
"""Words that often decide a route alone: training misspells them more often than others."""
_BESIDE = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wqrewyuoipsadghjfklzcxvmnb", strict=True))
"""A key beside each key."""
_PUNCTUATION = re.compile(r"[,.;:?!]")


@dataclass
class Request:
    """A request, its gold plan, and the phenomena that it shows."""

    text: str
    steps: list[GoldStep]
    slices: frozenset[str]

    def as_json(self, name: str) -> dict[str, Any]:
        """Returns the row form of `eval plan`; intents of other corpora are out of scope."""
        return {
            "id": name,
            "request": self.text,
            "slices": sorted(self.slices),
            "steps": [
                {
                    "span": list(s.span),
                    "specialist": s.intent if s.corpus == "own" and s.intent != "other" else "none",
                    "depends_on": [{"step": j, "kind": k} for j, k in sorted(s.depends_on.items())],
                }
                for s in self.steps
            ],
        }


class Composer:
    """Draws requests of one part; `train` and `dev` share no template, connective or opening.

    Args:
        part: `train` or `dev`.
        external: Sub-tasks of public corpora; may be empty.
        seed: Of the random numbers.
    """

    def __init__(self, part: str, external: Pool, seed: int) -> None:
        self._plans = PlanDrawer(part, external, seed)
        self._rng = self._plans.rng
        self._words = self._plans.words

    def draw(self) -> Request:
        """Draws one request."""
        rng = self._rng
        training = self._plans.training
        own = rng.random() < (0.72 if training else 0.62)
        counts = (14, 26, 22, 15, 9, 6, 3, 3, 1, 1) if training else (26, 26, 20, 12, 6, 4, 2, 2, 1, 1)
        steps = self._plans.plan(rng.choices(range(1, 11), counts)[0], own)
        return self._render(steps)

    def single(self) -> GoldStep:
        """Draws one sub-task that stands alone, for the routing loss; some are misspelt."""
        step = self._plans.single()
        step.spelt = step.text
        if self._rng.random() < _MISSPELT:
            step.text = self._misspelt(step.text)
        return step

    def _render(self, steps: list[GoldStep]) -> Request:
        rng = self._rng
        pieces: list[tuple[str, int]] = []
        slices: set[str] = set()
        style = rng.choices(
            ("inline", "sentences", "mixed", "numbered", "bullets", "lines"), (36, 20, 22, 11, 5, 6)
        )[0]
        if len(steps) == 1:
            style = "inline"
        training = self._plans.training
        if rng.random() < (0.16 if training else 0.06):
            pieces.append((self._plans.phrase("asides"), -1))
        opened = rng.random() < (0.45 if training else 0.4)
        if opened:
            openings = self._plans.phrases("openings")
            if training and rng.random() < 0.5:
                openings = openings[len(self._words["openings"]) :]
            if not c.imperative(steps[0].text):
                openings = [
                    o for o in openings if o.rstrip(" ").endswith((",", "!", ":", ".", "\n", "So", "Ok"))
                ] or [""]
            pieces.append((self._plans.filled(rng.choice(openings)), -1))
        listed = style in ("numbered", "bullets", "lines")
        if listed and pieces and not pieces[-1][0].endswith("\n"):
            pieces.append((rng.choice(("\n", ":\n", "", " ")), -1))
        mark = (
            rng.choice(("{}. ", "{}) ", "({}) ", "{}: ", "Step {}: ", "#{} "))
            if style == "numbered"
            else rng.choice(("- ", "* ", "• ", "– "))
        )
        marks = [mark.format(k + 1) for k in range(len(steps))]
        if training and rng.random() < _MORE_MARKS:
            marks = self._marks(style, len(steps))
        gap = rng.choice(("\n", "\n", "\n", " ", "; ", ".\n", "\n\n")) if style == "numbered" else "\n"
        i = 0
        while i < len(steps):
            start = len(pieces) == 0 or pieces[-1][0].rstrip(" ").endswith((".", "!", "\n", "?"))
            number = marks[i] if style != "lines" else ""
            if i:
                start = self._connect(pieces, steps, i, style, gap + number)
            elif listed:
                pieces.append((number, -1))
                start = True
            pair = None
            if i + 1 < len(steps) and rng.random() < (
                (0.36 if training else 0.2) if style in ("inline", "sentences", "mixed") else 0.02
            ):
                pair = self._pair(steps, i)
            if pair is not None:
                added, reversed_order = pair
                first = len(pieces)
                pieces += added
                if reversed_order:
                    slices.add("reversal")
                if start:
                    _capitalise(pieces, first, rng)
                i += 2
                if i < len(steps):
                    # What an order word would mean after a pair is unclear: the next step stands beside it.
                    number = marks[i] if style != "lines" else ""
                    plain = gap + number if listed else self._plans.phrase("independent_sentences")
                    pieces.append((plain, -1))
                    pieces.append((steps[i].text, i))
                    _capitalise(pieces, len(pieces) - 1, rng)
                    i += 1
                continue
            pieces.append((steps[i].text, i))
            if start and not (opened and i == 0):
                _capitalise(pieces, len(pieces) - 1, rng)
            i += 1
        ending = rng.random()
        if ending < (0.24 if training else 0.12):
            pieces.append((self._plans.phrase("closings"), -1))
        elif ending < 0.7:
            pieces.append(("?" if _QUESTION.search(steps[-1].text) else ".", -1))
        for step in steps:
            if any(kind in ("uses", "for_each") for kind in step.depends_on.values()):
                slices.add("pronoun")
            if re.search(r"\w(?:,| and| or| &) \w", step.text):
                slices.add("and_trap")
        if len(steps) > 1:
            slices.add("multi")
        return self._noisy(pieces, steps, frozenset(slices))

    def _connect(
        self, pieces: list[tuple[str, int]], steps: list[GoldStep], i: int, style: str, gap: str
    ) -> bool:
        """Appends what stands between step `i - 1` and step `i`; returns whether a sentence begins."""
        rng = self._rng
        data = bool(steps[i].depends_on)
        order = rng.random() < (0.6 if data else 0.4)
        if style in ("numbered", "bullets", "lines"):
            pieces.append((gap, -1))
            if order and rng.random() < 0.25:
                words = self._plans.phrase("order_sentences").lstrip(".!? \n")
                pieces.append((words, -1))
                if not data:
                    steps[i].depends_on[i - 1] = "after"
                return False
            return True
        sentence = style == "sentences" or (style == "mixed" and rng.random() < 0.5)
        last = i == len(steps) - 1 and i >= 1
        if order and last and rng.random() < 0.45:
            words = self._plans.phrase("final")
        elif order:
            words = self._plans.phrase("order_sentences" if sentence else "order")
        elif sentence and self._plans.training and rng.random() < 0.1:
            # A statement between two requests is no step either.
            words = rng.choice((". ", ".\n", "! ")) + self._plans.phrase("asides")
        elif sentence:
            words = self._plans.phrase("independent_sentences")
        elif not last and rng.random() < 0.6:
            words = ", "
        else:
            words = self._plans.phrase("independent")
        if order and not data:
            steps[i].depends_on[i - 1] = "after"
        if _QUESTION.search(steps[i - 1].text) and words.startswith(".") and rng.random() < 0.8:
            words = "?" + words[1:]
        pieces.append((words, -1))
        return words.rstrip(" ").endswith((".", "?", "!", "\n"))

    def _pair(self, steps: list[GoldStep], i: int) -> tuple[list[tuple[str, int]], bool] | None:
        """Words steps `i` and `i + 1` in one sentence that orders them; None where their form forbids it."""
        rng = self._rng
        a, b = steps[i], steps[i + 1]
        backward = rng.random() < 0.6
        template = self._plans.phrase("reversed_pairs" if backward else "after_pairs")
        if not (c.imperative(a.text) and c.imperative(b.text)):
            return None
        if self._plans.training and any(s.text.lower().startswith("do ") for s in (a, b)):
            return None  # a question, though `do` is a verb whose forms are known
        data = bool(data_sources(b))
        if backward and (b.depends_on or a.depends_on):
            return None
        pieces: list[tuple[str, int]] = []
        for part in re.split(r"(\{[ab](?:\.ing|\.ed)?\})", template):
            if not part.startswith("{"):
                if part:
                    pieces.append((part, -1))
                continue
            index, step = (i, a) if part[1] == "a" else (i + 1, b)
            text = (
                c.gerund(step.text)
                if ".ing" in part
                else c.participle(step.text)
                if ".ed" in part
                else step.text
            )
            pieces.append((text, index))
        if backward:
            a.depends_on[i + 1] = "after"
        elif not data:
            b.depends_on[i] = "after"
        return pieces, backward

    def _marks(self, style: str, count: int) -> list[str]:
        """Item marks of a list of further kinds: numbers, letters, ordinals, bullets."""
        rng = self._rng
        if style != "numbered":
            return [rng.choice(c.TRAIN_PHRASES["bullets"])] * count
        kind = rng.random()
        if kind < 0.5:
            mark = rng.choice(c.TRAIN_PHRASES["marks"])
            return [mark.format(k + 1) for k in range(count)]
        if kind < 0.75:
            mark = rng.choice(c.TRAIN_PHRASES["letters"])
            letters = "abcdefghij" if rng.random() < 0.6 else "ABCDEFGHIJ"
            return [mark.replace("#", letters[k]) for k in range(count)]
        return rng.choice(c.TRAIN_PHRASES["ordinals"]).split("|")[:count]

    def _noisy(self, pieces: list[tuple[str, int]], steps: list[GoldStep], slices: frozenset[str]) -> Request:
        rng = self._rng
        lower = rng.random() < 0.28
        upper = not lower and rng.random() < 0.015
        bare = rng.random() < 0.07
        typos = rng.random() < (0.18 if self._plans.training else 0.12)
        text = ""
        bounds: dict[int, list[int]] = {}
        for raw, index in pieces:
            piece = raw.lower() if lower else raw.upper() if upper else raw
            if bare:
                piece = _PUNCTUATION.sub("", piece) if index < 0 or rng.random() < 0.5 else piece
            if typos:
                piece = self._misspelt(piece)
            if text.endswith((" ", "\n")) or not text:
                piece = piece.lstrip(" ")
            if index >= 0 and text and text[-1].isalnum():
                text += " "
            begin = len(text)
            text += piece
            if index >= 0 and piece.strip():
                bounds[index] = [begin, begin + len(piece.rstrip(" .?!,;"))]
        for index, step in enumerate(steps):
            step.span = (bounds[index][0], bounds[index][1])
        return Request(text, steps, slices)

    def _misspelt(self, text: str) -> str:
        rng = self._rng
        training = self._plans.training
        words = text.split(" ")
        for k, word in enumerate(words):
            share = 0.4 if training and len(word) > 3 and _KEY_WORD.fullmatch(word.lower()) else 0.12
            if len(word) > 3 and word.isalpha() and rng.random() < share:
                at = rng.randrange(1, len(word) - 1)
                change = rng.randrange(4 if training else 3)
                if change == 0:
                    words[k] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
                elif change == 1:
                    words[k] = word[:at] + word[at + 1 :]
                elif change == 2:
                    words[k] = word[:at] + word[at] + word[at:]
                else:
                    words[k] = word[:at] + _BESIDE.get(word[at], "e") + word[at + 1 :]
        return " ".join(words)


def _capitalise(pieces: list[tuple[str, int]], at: int, rng: random.Random) -> None:
    text, index = pieces[at]
    if rng.random() < 0.9:
        pieces[at] = (text[:1].upper() + text[1:], index)
