"""Draws examples out of an endless supply, in groups whose prompts begin alike: that part is read once."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.encode import Encoder, TrainingExample

__all__ = ["DRAWN", "FEWEST", "Draw", "Report"]

DRAWN = 3
"""Drawn for each example that is kept, since those that share a prefix are wanted."""

FEWEST = 3
"""Of a prefix that examples share, so many at least: it is read once for all of them."""

# So many of it at most.
_MOST = 14
# Longer prompts cost more than they teach; the next example will be shorter.
_MAX_TOKENS = 400

Report = Callable[[int, int], None]
"""Told how many examples are encoded, and about how many there will be."""


@dataclass
class Draw:
    """Encodes generated examples and keeps those that are worth their tokens.

    Attributes:
        encoder: Of the specialist.
        left_out: Counts what is not taken, by reason.
        by_prefix: Whether examples whose prompts begin alike are wanted.
        rng: Source of choice.
        report: Told how far it is.
        encoded: How many examples are encoded.
    """

    encoder: Encoder
    left_out: Counter[str]
    by_prefix: bool
    rng: random.Random
    report: Report
    encoded: int = 0

    def some(self, examples: Iterable[TrainingExample], wanted: int) -> list[EncodedExample]:
        """Takes as many as wanted out of an endless supply."""
        if self.by_prefix:
            return self.sharing(islice(examples, wanted * DRAWN), wanted)
        return list(islice(self._encode(examples, wanted), wanted))

    def sharing(
        self, examples: Iterable[TrainingExample], wanted: int, most: int = _MOST
    ) -> list[EncodedExample]:
        """Takes those whose prompts begin alike, the catalogue's text included, in groups."""
        groups: dict[tuple[int, ...], list[EncodedExample]] = defaultdict(list)
        for example in self._encode(examples, wanted * DRAWN):
            groups[example.prompt[: example.shared]].append(example)
        usable = [group for group in groups.values() if len(group) >= FEWEST]
        self.rng.shuffle(usable)
        taken: list[EncodedExample] = []
        for group in usable:
            if len(taken) >= wanted:
                return taken
            taken += group[:most]
        # What is left of large groups costs little; what shares its prefix with nobody is the rest of what
        # people ask, and is wanted as well.
        rest = [example for group in usable for example in group[most:]]
        rest += [example for group in groups.values() if len(group) < FEWEST for example in group]
        self.rng.shuffle(rest)
        return taken + rest[: max(0, wanted - len(taken))]

    def _encode(self, examples: Iterable[TrainingExample], wanted: int) -> Iterator[EncodedExample]:
        for example in examples:
            try:
                encoded = self.encoder.encode(example)
            except InvalidRequest as error:
                self.left_out[error.reason] += 1
                continue
            self.encoded += 1
            self.report(self.encoded, wanted)
            if len(encoded) <= _MAX_TOKENS:
                yield encoded
            else:
                self.left_out["TOO_LONG"] += 1
