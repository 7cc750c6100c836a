"""Draws the steps of a request with their dependencies, before they are worded as one text."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from narrowgauge.training.router import connecting as c
from narrowgauge.training.router.wording import REFERRING, SLOTS, TASKS, fill, part_of

__all__ = ["GoldStep", "PlanDrawer", "Pool", "data_sources"]

Pool = Mapping[str, Sequence[tuple[str, str, bool]]]
"""Sub-tasks by corpus (`corpora.external_tasks`): text, intent, and whether it refers to nothing."""

_NOUNS = sorted({*SLOTS["rows"], *SLOTS["object"]}, key=lambda noun: (-len(noun), noun))
_NOUN = re.compile(r"\b(" + "|".join(_NOUNS) + r")\b")
_COUNTS = re.compile(
    r"^(?:count|how (?:many|much|old|long)|what(?:'s| is| was| percentage)|calculate|compute|sum|work out|"
    r"add up|total|average|number)"
)
_QUERY = re.compile(
    r"^(?:count|how|which|what|are|do|does|is|list|show|find|get|check|look|fetch|see|search|identify|was|"
    r"has|have)\b"
)
_TOTAL = (
    "results",
    "findings",
    "the data",
    "you found",
    "comes back",
    "all of them",
    "records",
    "was returned",
)


@dataclass
class GoldStep:
    """A step of a gold plan.

    Attributes:
        text: The sub-task as worded, before noise.
        corpus: Where its intent belongs: `own`, `clinc150`, `hwu64`, `snips`.
        intent: The specialist or the corpus's own label; `other` for what no specialist of ours serves.
        depends_on: `{index: kind}`.
        over_all: It needs everything so far: `depends_on` names only the results that no other step used.
        span: Character offsets in the request, set when it is rendered.
    """

    text: str
    corpus: str
    intent: str
    depends_on: dict[int, str] = field(default_factory=dict)
    over_all: bool = False
    span: tuple[int, int] = (0, 0)

    @property
    def noun(self) -> str:
        """What its result is called, a plural noun; empty when nothing fits."""
        found = _NOUN.search(self.text.lower())
        return found.group(1) if found else ""


def data_sources(step: GoldStep) -> list[int]:
    """Indices of the steps whose results a step needs."""
    return [i for i, kind in step.depends_on.items() if kind != "after"]


class PlanDrawer:
    """Draws plans of one part; `train` and `dev` share no template, connective or opening.

    Args:
        part: `train` or `dev`.
        external: Sub-tasks of public corpora, as `corpora.external_tasks` reads them.
        seed: Of the random numbers.
    """

    def __init__(self, part: str, external: Pool, seed: int) -> None:
        self.rng = random.Random(seed)
        self._part = part
        self._tasks = {label: self._mine(templates) for label, templates in TASKS.items()}
        self._referring = [r for r in REFERRING if part_of(r[2]) == part]
        self._external = {corpus: rows for corpus, rows in external.items() if rows}
        self._clear = {corpus: [r for r in rows if r[2]] for corpus, rows in self._external.items()}
        self.words = {name: self._mine(phrases) for name, phrases in c.PHRASES.items()}

    def _mine(self, items: Sequence[str]) -> list[str]:
        """Items of this part; the first three of a list, the commonest, are always for train."""
        dev = [item for i, item in enumerate(items) if i >= 3 and part_of(item) == "dev"]
        if self._part == "train":
            return [item for item in items if item not in dev]
        return dev or list(items[-1:])

    def single(self) -> GoldStep:
        """Draws one sub-task that stands alone, for the routing loss."""
        return self._task(own=self.rng.random() < 0.35, clear=False)

    def _task(self, *, own: bool, clear: bool = True) -> GoldStep:
        rng = self.rng
        if own:
            label = rng.choices(("sql", "salesforce", "summary", "other"), (40, 36, 8, 16))[0]
            if label == "sql" and rng.random() < 0.3 and "questions" in self._external:
                pool = (self._clear if clear else self._external)["questions"]
                return GoldStep(rng.choice(pool)[0], "own", "sql")
            return GoldStep(
                fill(rng.choice(self._tasks[label]), rng).replace("  ", " ").strip(), "own", label
            )
        corpora = [name for name in self._external if name != "questions"]
        if not corpora:
            return self._task(own=True)
        corpus = rng.choices(corpora, [3 if name == "clinc150" else 2 for name in corpora])[0]
        text, intent, _ = rng.choice((self._clear if clear else self._external)[corpus])
        return GoldStep(text, corpus, intent)

    def plan(self, count: int, own: bool) -> list[GoldStep]:
        """Draws the steps of a request; `own`: most of them are for our specialists."""
        rng = self.rng
        steps: list[GoldStep] = []
        while len(steps) < count:
            step: GoldStep | None = None
            chance = rng.random()
            if steps and chance < 0.36:
                step = self._reference(steps)
            elif steps and chance < 0.41:
                step = self._conditional(steps)
            elif steps and chance < 0.44:
                step = self._elliptical(steps)
            if step is None:
                step = self._task(own=own if rng.random() < 0.85 else not own, clear=count > 1)
                nouns = {c.singular(s.noun) for s in steps if s.noun}
                if any(f"{word} {noun}" in step.text for noun in nouns for word in ("each", "every")):
                    continue  # would read as a reference
            steps.append(step)
        return steps

    def _conditional(self, steps: list[GoldStep]) -> GoldStep | None:
        """A sub-task of its own that runs only on the last result's account."""
        step = self._task(own=True)
        if not c.imperative(step.text) or not _QUERY.search(steps[-1].text.lower()):
            return None
        condition = fill(self.rng.choice(self.words["conditions"]), self.rng)
        step.text = _tidy(condition + step.text)
        step.depends_on = {len(steps) - 1: "uses"}
        return step

    def _elliptical(self, steps: list[GoldStep]) -> GoldStep | None:
        """A sub-task whose verb stands in the one before."""
        last = steps[-1]
        options: tuple[str, ...]
        if re.search(r"^(?:open|create|log|file|raise) an? .*\bcase\b", last.text) and last.corpus == "own":
            options = (
                "one for {company} about the {subject}",
                "another one for {company}",
                "one about the {subject} for {person}",
            )
        elif last.text.startswith("how many") and last.intent == "sql":
            options = (
                "how many in {month}",
                "how many in {place}",
                "how many {when}",
                "how many of the {rows}",
            )
        elif re.search(r"^(?:delete|remove) (?:the )?(?:lead|contact)", last.text):
            options = ("the one named {person}", "the one of {person} too")
        else:
            return None
        return GoldStep(_tidy(fill(self.rng.choice(options), self.rng)), "own", last.intent)

    def _reference(self, steps: list[GoldStep]) -> GoldStep | None:
        rng = self.rng
        label, kind, template = rng.choice(self._referring)
        if label == "other" and rng.random() < 0.5:
            return None
        target = len(steps) - 1
        named = False
        pointing = re.search(r"\{(?:it|each|row|noun|their)\}", template)
        if len(steps) > 1 and pointing and rng.random() < 0.25:
            nouns = [s.noun for s in steps]
            distinct = [i for i, noun in enumerate(nouns) if noun and nouns.count(noun) == 1]
            if distinct:
                target, named = rng.choice(distinct), True
        source = steps[target]
        if kind == "all":
            sinks = [i for i in range(len(steps)) if not any(i in data_sources(s) for s in steps)]
            words = self.words["both"] if len(sinks) == 2 and rng.random() < 0.4 else self.words["all"]
            phrase = rng.choice(words)
            text = fill(template.replace("{all}", phrase), rng)
            return GoldStep(_tidy(text), "own", label, dict.fromkeys(sinks, "uses"), over_all=True)
        noun = source.noun
        if kind == "for_each" and (not noun or _COUNTS.search(source.text.lower())):
            return None
        one = c.singular(noun) if noun else ""
        if source.intent == "summary":
            words, their = ["the summary", "it", "that summary", "your summary"], "its"
        elif _COUNTS.search(source.text.lower()):
            words, their = self.words["it_count"], "its"
        elif noun:
            words, their = self.words["it"], "their"
        elif re.search(r"^(?:create|open|log|add|file|raise|update|set)\b.*\bcase\b", source.text):
            words, their = ["it", "the case", "that case", "this case", "the new case"], "its"
        elif re.search(r"^(?:create|add)\b.*\b(?:lead|contact|account|opportunity)\b", source.text):
            words, their = ["it", "that record", "the new record"], "its"
        else:
            words, their = ["it", "that", "the result", "this"], "its"
        if len(steps) > 1:
            # With several results in hand, these mean all of them.
            words = [w for w in words if not any(total in w for total in _TOTAL)] or ["it"]
        if named:
            words = [f"the {noun}", f"those {noun}", f"the {noun} above"]
        phrase = rng.choice(words)
        if "{noun}" in phrase:
            phrase = phrase.replace("{noun}", noun or "results")
        each = (
            [f"each of the {noun}", f"each {one}", f"every {one}", f"each of those {noun}"]
            if named
            else self.words["each"]
        )
        each_phrase = rng.choice(each).replace("{one}", one).replace("{noun}", noun)
        if "{their}" in template and named:
            return None
        if not noun and re.search(r"\{noun\}|\b(?:first|oldest|newest|top|one)\b", template):
            return None
        if "them" in template and (named or their == "its"):
            return None
        if re.search(r"\b(?:exist|found|list is|none|any)\b", template) and (named or not noun):
            return None
        text = (
            template.replace("{it}", phrase)
            .replace("{each}", each_phrase)
            .replace("{row}", one)
            .replace("{noun}", noun)
            .replace("{their}", their)
        )
        return GoldStep(_tidy(fill(text, rng)), "own", label, {target: kind})


def _tidy(text: str) -> str:
    return re.sub(r" +", " ", text).replace(" ,", ",").strip()
