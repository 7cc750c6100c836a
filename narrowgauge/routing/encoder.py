"""The encoder and its heads: text to token states and tags, and spans to vectors and dependencies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from narrowgauge.errors import DataLoss, InvalidRequest, LimitExceeded
from narrowgauge.routing.dependencies import FEATURES, WHOLE, distances, pooling_rows
from narrowgauge.routing.spelling import Spelling

__all__ = ["ENCODER_FILES", "ENCODER_FOLDER", "MAX_CHARS", "Encoded", "Encoder", "tokens_of"]

Array = npt.NDArray[np.float32]

ENCODER_FOLDER = Path(__file__).parent / "weights"
"""The trained encoder that ships with the package."""

ENCODER_FILES = ("encoder.onnx", "heads.onnx", "tokenizer.json")
"""What an encoder folder holds."""

MAX_CHARS = 32_768
"""Longest text: 2,000 words have about 12,000 characters; beyond this the text is refused unread."""

_MAX_TOKENS = 8_192
_WINDOW = 158  # with the two special tokens, the longest sequence in training
_OVERLAP = 56  # a step and its neighbourhood; each token is read from the window in which it stands deeper
_SHORT = 96  # tokens up to which one thread is as good as several


@dataclass(frozen=True)
class Encoded:
    """A text's tokens.

    Attributes:
        offsets: int [T, 2] character offsets; the special tokens at both ends have empty ranges.
        ids: int64 [T] token ids.
        states: float32 [T, hidden].
        tags: float32 [T, 3] logits of outside, begin, inside.
    """

    offsets: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    states: Array
    tags: Array

    def tokens(self, span: tuple[int, int]) -> tuple[int, int] | None:
        """Token span [begin, end) of a character span; None where no token is."""
        return tokens_of(self.offsets, span)


def tokens_of(offsets: npt.NDArray[np.int64], span: tuple[int, int]) -> tuple[int, int] | None:
    """Tokens [begin, end) that overlap a character span; None where none does."""
    inside = np.flatnonzero(
        (offsets[:, 0] < span[1]) & (offsets[:, 1] > span[0]) & (offsets[:, 1] > offsets[:, 0])
    )
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else None


class Encoder:
    """Runs the graph, one text at a time: activations are quantised a text, so a batch would change results.

    Safe to share between threads.

    Args:
        folder: Holds `ENCODER_FILES`.
        threads: For one long text when no other one is encoded at the time; else each text has one.
        words: Words in lower case that are no typing errors, beside those of the vocabulary.

    Raises:
        DataLoss: A file is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int = 1, words: Iterable[str] = ()) -> None:
        missing = [name for name in ENCODER_FILES if not (folder / name).is_file()]
        if missing:
            raise DataLoss("ROUTER_DAMAGED", f"{folder} lacks {', '.join(missing)}; compile the bundle again")
        try:
            self._sessions = [_session(folder / "encoder.onnx", count) for count in sorted({threads, 1})]
            self._heads = _session(folder / "heads.onnx", 1)
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # onnxruntime and tokenizers raise bare Exceptions of their own
            raise DataLoss("ROUTER_DAMAGED", f"{folder} cannot be read: {error}") from error
        self._running = 0
        self._lock = Lock()
        self._cls = self._tokenizer.token_to_id("[CLS]")
        self._sep = self._tokenizer.token_to_id("[SEP]")
        self._spelling = Spelling(self._tokenizer.get_vocab(), words)

    @property
    def hidden(self) -> int:
        """Width of the token states."""
        return int(self._sessions[0].get_outputs()[0].shape[1])

    @property
    def words(self) -> int:
        """Size of the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    def encode(self, text: str) -> Encoded:
        """Encodes a text in windows, without its typing errors; offsets are those of the text as it is.

        Raises:
            InvalidRequest: The text is blank.
            LimitExceeded: It is longer than `MAX_CHARS` or has too many tokens.
        """
        if len(text) > MAX_CHARS:
            raise LimitExceeded(
                "TEXT_TOO_LONG",
                f"the request has {len(text)} characters; at most {MAX_CHARS} are planned",
                metadata={"limit_chars": str(MAX_CHARS)},
            )
        if not text.strip():
            raise InvalidRequest("EMPTY_TEXT", "the request has no text")
        encoding = self._tokenizer.encode(text)
        ids, offsets = np.array(encoding.ids, np.int64), encoding.offsets
        mended = self._spelling.mend(text, ids, offsets)
        if mended is not None:
            encoding = self._tokenizer.encode(mended.text)
            ids, offsets = np.array(encoding.ids, np.int64), mended.original(encoding.offsets)
        if len(ids) > _MAX_TOKENS:
            raise LimitExceeded(
                "TEXT_TOO_LONG",
                f"the request has {len(ids)} tokens; at most {_MAX_TOKENS} are planned",
                metadata={"limit_tokens": str(_MAX_TOKENS)},
            )
        states, tags = self._windows(ids)
        places = np.array([(0, 0), *offsets, (len(text), len(text))], np.int64)
        return Encoded(places, np.concatenate([[self._cls], ids, [self._sep]]), states, tags)

    def read(
        self, encoded: Encoded, spans: list[tuple[int, int]], quotes: list[tuple[int, int]]
    ) -> tuple[Array, Array]:
        """Runs the heads over token spans [begin, end) in text order.

        Quoted text is what a sub-task is about, not what it asks for: in route vectors it counts only where
        nothing else is.

        Args:
            encoded: The text.
            spans: Token spans, at least one.
            quotes: Character ranges of quotations.

        Returns:
            Route vectors float32 [spans, hidden] of length one, and calibrated probabilities float32
            [spans, spans, 1 + kinds] that the row's span depends on the column's.
        """
        length = len(encoded.ids)
        pools = np.empty((len(spans), FEATURES + 1, length), np.float32)
        pools[:, :FEATURES] = pooling_rows(spans, length)
        pools[:, FEATURES] = pools[:, WHOLE]
        if quotes:
            asked = np.ones(length, bool)
            for low, high in quotes:
                asked &= (encoded.offsets[:, 1] <= low) | (encoded.offsets[:, 0] >= high)
            for k, (begin, end) in enumerate(spans):
                chosen = np.flatnonzero(asked[begin:end])
                if 0 < len(chosen) < end - begin:
                    pools[k, FEATURES, begin:end] = 0
                    pools[k, FEATURES, begin + chosen] = 1.0 / len(chosen)
        vectors, kinds = self._heads.run(
            ["vectors", "kinds"],
            {"states": encoded.states, "pools": pools, "distance": distances(len(spans))},
        )
        return vectors, kinds

    def _windows(self, ids: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        if len(ids) <= _WINDOW:
            return self._run(ids)
        states: list[Array] = []
        tags: list[Array] = []
        begin = taken = 0
        while True:
            end = min(begin + _WINDOW, len(ids))
            window_states, window_tags = self._run(ids[begin:end])
            last = end == len(ids)
            # Row 0 of a window is [CLS]: token t of the text is row t - begin + 1.
            low = 0 if begin == 0 else taken - begin + 1
            until = end - _OVERLAP // 2
            high = len(window_states) if last else until - begin + 1
            states.append(window_states[low:high])
            tags.append(window_tags[low:high])
            if last:
                return np.concatenate(states), np.concatenate(tags)
            taken = until
            begin = end - _OVERLAP

    def _run(self, ids: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        full = np.concatenate([[self._cls], ids, [self._sep]])[None, :]
        with self._lock:
            # A long text gets all threads while it is alone. A short one has one even then: a second thread
            # wins a twelfth of its median, and where its core is taken the first waits as long again.
            session = self._sessions[0 if self._running or len(full[0]) <= _SHORT else -1]
            self._running += 1
        try:
            states, tags = session.run(["states", "tags"], {"input_ids": full})
        finally:
            with self._lock:
                self._running -= 1
        return states, tags


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between the parts of a text a thread waits microseconds, which is less than falling asleep takes. When
    # the text is done it must not go on: the core belongs to the specialists, which do the long work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
