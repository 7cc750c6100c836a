"""Draws the steps of a request with their dependencies, before they are worded as one text."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from narrowgauge.training.router import connecting as c
from narrowgauge.training.router.wording import (
    REFERRING,
    SLOTS,
    TASKS,
    TRAIN_REFERRING,
    TRAIN_TASKS,
    bare,
    choose,
    fill,
    held_back,
    part_of,
)

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
_ONCE = re.compile(r"\b(?:per|by|for each) \w+$")
_SHARED_VERB = (
    "{rows} per {unit}",
    "{rowsadj} {rows} by {unit}",
    "the {agg} {attr} per {unit}",
    "{agg} {attr} by {unit}",
    "number of {rows} per {unit}",
    "how many {rows} per {unit}",
    "total {attr} of {rows} by {unit}",
)
_MORE = 0.6
"""Share of drawn wording that comes from the lists for training alone."""
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
        spelt: The text without typing errors, where `text` may have some.
    """

    text: str
    corpus: str
    intent: str
    depends_on: dict[int, str] = field(default_factory=dict)
    over_all: bool = False
    span: tuple[int, int] = (0, 0)
    spelt: str = ""

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
        self.training = part == "train"
        self._held = {name: held_back(_dev(items)) for name, items in {**c.PHRASES, **TASKS}.items()}
        self._held["referring"] = held_back(r[2] for r in REFERRING if part_of(r[2]) == "dev")

    def _mine(self, items: Sequence[str]) -> list[str]:
        """Items of this part; the first three of a list, the commonest, are always for train."""
        dev = _dev(items)
        return dev if self._part == "dev" else [item for item in items if item not in dev]

    def phrase(self, name: str) -> str:
        """Draws a phrase, in training also of `connecting_train.toml`; `{a}` and `{b}` stay."""
        if self.training and name in c.TRAIN_PHRASES and self.rng.random() < _MORE:
            text = self._more(name, c.TRAIN_PHRASES[name])
            return text if name.endswith("_pairs") else fill(text, self.rng)
        return self.rng.choice(self.words[name])

    def filled(self, phrase: str) -> str:
        """Fills a phrase's slots."""
        return fill(phrase, self.rng)

    def phrases(self, name: str) -> list[str]:
        """All phrases of a list, in training with one drawn form of each that has choices."""
        extra = c.TRAIN_PHRASES.get(name, []) if self.training else []
        drawn = [self._more(name, [item]) for item in extra]
        return [*self.words[name], *(text for text in drawn if text)]

    def _more(self, name: str, items: Sequence[str]) -> str:
        """Draws an item and its choices that is not held back; empty where a few draws find none."""
        for _ in range(9):
            text = choose(self.rng.choice(items), self.rng)
            if bare(text) not in self._held[name]:
                return text
        return ""

    def template(self, label: str) -> str:
        """Draws the template of a sub-task that stands alone."""
        if self.training and self.rng.random() < _MORE:
            return self._more(label, TRAIN_TASKS[label])
        return self.rng.choice(self._tasks[label])

    def referring(self) -> tuple[str, str, str]:
        """Draws specialist, kind and template of a sub-task that needs an earlier result."""
        if self.training and self.rng.random() < _MORE:
            label, kind, template = self.rng.choice(TRAIN_REFERRING)
            if drawn := self._more("referring", [template]):
                return label, kind, drawn
        return self.rng.choice(self._referring)

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
            return GoldStep(fill(self.template(label), rng).replace("  ", " ").strip(), "own", label)
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
        refers, depends, elliptical = (0.48, 0.56, 0.64) if self.training else (0.36, 0.41, 0.44)
        while len(steps) < count:
            step: GoldStep | None = None
            chance = rng.random()
            if steps and chance < refers:
                step = self._reference(steps)
            elif steps and chance < depends:
                step = self._conditional(steps)
            elif steps and chance < elliptical:
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
        condition = fill(self.phrase("conditions"), self.rng)
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
            if self.training:
                options += (
                    "one for {company}",
                    "one for {person}",
                    "another for {company}",
                    "one more for {company}",
                )
        elif last.text.startswith("how many") and last.intent == "sql":
            options = (
                "how many in {month}",
                "how many in {place}",
                "how many {when}",
                "how many of the {rows}",
            )
        elif self.training and last.corpus == "own" and last.intent == "sql" and _ONCE.search(last.text):
            options = _SHARED_VERB
        elif (
            self.training
            and last.corpus == "own"
            and last.intent == "sql"
            and re.search(r"^(?:what|how|which|who|when)\b", last.text)
        ):
            options = (
                "in {month}", "in {place}", "for {company}", "what about {month}", "how about {place}",
                "for {person}", "the same for {month}", "what about {company}", "the same for {place}",
            )  # fmt: skip
        elif self.training and re.search(
            r"^(?:create|add|register) an? (?:new )?(?:lead|contact|task|account)", last.text
        ):
            options = (
                "one for {person}",
                "another one for {person}",
                "one for {company}",
                "another for {person}",
            )
        elif re.search(r"^(?:delete|remove) (?:the )?(?:lead|contact)", last.text):
            options = ("the one named {person}", "the one of {person} too")
        else:
            return None
        return GoldStep(_tidy(fill(self.rng.choice(options), self.rng)), "own", last.intent)

    def _reference(self, steps: list[GoldStep]) -> GoldStep | None:
        rng = self.rng
        label, kind, template = self.referring()
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
            phrase = self.phrase("both" if len(sinks) == 2 and rng.random() < 0.4 else "all")
            text = fill(template.replace("{all}", phrase), rng)
            return GoldStep(_tidy(text), "own", label, dict.fromkeys(sinks, "uses"), over_all=True)
        noun = source.noun
        if kind == "for_each" and (not noun or _COUNTS.search(source.text.lower())):
            return None
        one = c.singular(noun) if noun else ""
        if source.intent == "summary":
            words, their = ["the summary", "it", "that summary", "your summary"], "its"
        elif _COUNTS.search(source.text.lower()):
            words, their = self.phrases("it_count"), "its"
        elif noun:
            words, their = self.phrases("it"), "their"
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
            else self.phrases("each")
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


def _dev(items: Sequence[str]) -> list[str]:
    """Items held back from training; where chance leaves none, the last."""
    return [item for i, item in enumerate(items) if i >= 3 and part_of(item) == "dev"] or list(items[-1:])


def _tidy(text: str) -> str:
    return re.sub(r" +", " ", text).replace(" ,", ",").strip()
