"""What a specialist most often writes next: guesses that the engine checks, several in one pass.

The table is learnt from the calls of a training run: for up to four tokens of a call, the most frequent token
behind them and how often it was right. It lies beside the adapter as `drafts.safetensors`:

```
key          uint32 [n]  FNV-1a hash of the context, sorted
token        int32 [n]   the token behind it
probability  uint8 [n]   its share, of 255
```

Guessing from n-grams goes back to Stern et al., 2018 (Blockwise Parallel Decoding) and Leviathan et al., 2023
(Fast Inference from Transformers via Speculative Decoding). A wrong guess costs time and changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from narrowgauge.errors import DataLoss
from narrowgauge.models.safetensors_file import SafetensorsFile, write_safetensors

__all__ = ["DRAFTS_FILE", "DraftTable"]

DRAFTS_FILE = "drafts.safetensors"
"""Name of the file in an adapter's folder."""
_ORDER = 4
_START = -1
# Rarer contexts are left to shorter ones.
_LEAST_SEEN = 3
# A longer context that says the same as the shorter one is left out.
_SAME = 0.1


class DraftTable:
    """Guesses by context.

    Args:
        guesses: Token and probability by the context's key.
    """

    def __init__(self, guesses: dict[int, tuple[int, float]]) -> None:
        self._guesses = guesses

    def __len__(self) -> int:
        return len(self._guesses)

    def guess(self, written: Sequence[int]) -> tuple[int, float] | None:
        """Returns the likeliest next token of a call and its probability; None where nothing is known.

        Args:
            written: Tokens of the call so far.
        """
        for key in _keys(written):
            if (found := self._guesses.get(key)) is not None:
                return found
        return None

    @staticmethod
    def learn(calls: Iterable[tuple[Sequence[int], Sequence[bool]]]) -> DraftTable:
        """Makes the table of calls.

        Args:
            calls: Tokens of each call, and for each token whether the engine samples it: the others are
                forced and need no guess.
        """
        counts: dict[int, Counter[int]] = defaultdict(Counter)
        shorter: dict[int, int] = {}
        for tokens, sampled in calls:
            for place, token in enumerate(tokens):
                if not sampled[place]:
                    continue
                keys = list(_keys(tokens[:place]))
                for key, other in zip(keys, [*keys[1:], 0], strict=True):
                    counts[key][token] += 1
                    shorter[key] = other
        guesses: dict[int, tuple[int, float]] = {}
        for key, counter in counts.items():
            token, count = counter.most_common(1)[0]
            # One is added so that what was seen three times alike is not taken for sure.
            share = count / (counter.total() + 1)
            if counter.total() >= _LEAST_SEEN:
                guesses[key] = token, share
        kept = {
            key: (token, share)
            for key, (token, share) in guesses.items()
            if not _follows(guesses.get(shorter[key]), token, share)
        }
        return DraftTable(kept)

    def save(self, path: Path) -> None:
        """Writes the file."""
        keys = sorted(self._guesses)
        write_safetensors(
            path,
            {
                "key": np.array(keys, np.uint32),
                "token": np.array([self._guesses[key][0] for key in keys], np.int32),
                "probability": np.array([round(self._guesses[key][1] * 255) for key in keys], np.uint8),
            },
        )

    @staticmethod
    def load(path: Path) -> DraftTable:
        """Reads the file.

        Raises:
            NotFound: It is missing.
            DataLoss: It is damaged.
        """
        file = SafetensorsFile(path)
        key, token, probability = (file.raw(name) for name in ("key", "token", "probability"))
        if not key.shape == token.shape == probability.shape:
            raise DataLoss("DRAFTS_DAMAGED", f"{path} has columns of different lengths: train again")
        rows = zip(key.tolist(), token.tolist(), probability.tolist(), strict=True)
        return DraftTable({key: (token, share / 255) for key, token, share in rows})


def _follows(shorter: tuple[int, float] | None, token: int, share: float) -> bool:
    return shorter is not None and shorter[0] == token and abs(shorter[1] - share) < _SAME


def _keys(written: Sequence[int]) -> Iterator[int]:
    """Yields the keys of the contexts at the end of a call, the longest first."""
    context = [_START] * _ORDER + list(written[-_ORDER:])
    for length in range(_ORDER, 0, -1):
        key = 0x811C9DC5 ^ length
        for token in context[-length:]:
            key = ((key ^ (token & 0xFFFFFFFF)) * 0x01000193) & 0xFFFFFFFF
        yield key
