"""What decodes a tool call: one small Protocol, and one file per backend."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from narrowgauge.contracts.grounded_values import Grounds, OpenValueOf
from narrowgauge.models.draft_table import DraftTable

__all__ = [
    "Counters",
    "DecodeBackend",
    "DecodeRequest",
    "DecodeTimings",
    "Decoded",
    "Decoding",
    "Lease",
    "Written",
]


class Lease:
    """Says that a conversation may go on, so that its KV cache is worth keeping.

    A stream holds one lease and closes it when it ends; a closed lease's KV cache is dropped at the next
    chance.
    """

    def __init__(self) -> None:
        self._open = True

    @property
    def open(self) -> bool:
        """Whether another turn may follow."""
        return self._open

    def close(self) -> None:
        """Says that no turn will follow. May be called again."""
        self._open = False


@dataclass(frozen=True)
class Written:
    """What an earlier turn wrote, as part of the next prompt.

    Attributes:
        text: The call in its surface.
        tokens: The exact tokens, which may differ from a tokenisation of `text`; empty for backends that
            do not show theirs.
        single: For each token that went through the model, whether it was a pass of its own. A token must
            take the same kernels when it is read again, or its KV cache would differ in the last bits.
    """

    text: str
    tokens: tuple[int, ...] = ()
    single: tuple[bool, ...] = ()


@dataclass(frozen=True)
class DecodeRequest:
    """One call to decode.

    Attributes:
        prompt: Parts of the prompt in order. Each text is tokenised by itself, so that its KV cache can be
            shared by all prompts that begin with the same parts.
        grammar: Grammar of what may be written, in llguidance's Lark dialect.
        max_tokens: Upper bound on tokens written.
        shared_parts: Leading parts that other requests are likely to begin with as well.
        digits: When given, every run of digits that is sampled must be one of these.
        grounded: When given, what free values can be made of, and which value a text ends in.
        deadline: Instant of `time.monotonic()` after which the caller no longer wants it.
        drafts: What the specialist most often writes, for backends that guess; None when that is not known.
        lease: The conversation's lease; None when no turn will follow.
        client: On whose behalf; slots and queue are shared fairly between clients.
    """

    prompt: tuple[str | Written, ...]
    grammar: str
    max_tokens: int
    shared_parts: int = 0
    digits: frozenset[str] | None = None
    grounded: tuple[Grounds, OpenValueOf] | None = None
    deadline: float | None = None
    drafts: DraftTable | None = None
    lease: Lease | None = None
    client: str = ""


@dataclass(frozen=True)
class DecodeTimings:
    """Where the time of one decoding went; instants are of `time.monotonic()`, in seconds.

    `submitted` ≤ `admitted` ≤ `prefilled` ≤ `first_token` ≤ `finished`.
    """

    submitted: float
    admitted: float
    prefilled: float
    first_token: float
    finished: float


@dataclass(frozen=True)
class Decoded:
    """One decoded call.

    Attributes:
        written: What was written, ready to be part of a next prompt.
        closed_early: The call reached `max_tokens` and was closed on the shortest way.
        prompt_tokens: Tokens of the prompt.
        cached_tokens: Those of them whose KV cache was reused.
        output_tokens: Tokens written.
        forced_tokens: Those of them that the constraint forced.
        guessed_tokens: Those of them that were guessed rightly, with what was forced behind a guess.
    """

    written: Written
    closed_early: bool
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    forced_tokens: int
    guessed_tokens: int
    timings: DecodeTimings


class Decoding(Protocol):
    """A decoding under way."""

    @property
    def future(self) -> Future[Decoded]:
        """Ends with the call, or with `Cancelled`, `DeadlineExceeded`, `LimitExceeded` or `InternalError`."""

    def cancel(self) -> None:
        """Ends it before the next step. Does nothing when it has ended."""


@dataclass(frozen=True)
class Counters:
    """What a backend holds and has done, for metrics and tests.

    Attributes:
        waiting: Requests in the queue.
        active: Requests in a slot.
        free_slots: Slots that a request could take.
        steps: Steps run since the start.
        passes: Passes through the model since the start.
        cache_bytes: Bytes of stored prefixes.
        finished: Requests that ended well.
        cancelled: Requests that left early, by cancelling or by their deadline.
        failed: Requests that ended with an error.
    """

    waiting: int = 0
    active: int = 0
    free_slots: int = 0
    steps: int = 0
    passes: int = 0
    cache_bytes: int = 0
    finished: int = 0
    cancelled: int = 0
    failed: int = 0


class DecodeBackend(Protocol):
    """Decodes calls under a grammar. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The backend and its device, for example `onnxruntime-cpu`."""

    @property
    def slots(self) -> int:
        """Requests that are decoded at once."""

    @property
    def slot_tokens(self) -> int:
        """Tokens that a slot holds, prompt and output together."""

    def count_tokens(self, prompt: Sequence[str | Written]) -> int:
        """Tokens of a prompt."""

    def warm(self, prompt: Sequence[str]) -> None:
        """Runs the model once and keeps the KV cache of a prefix that all prompts share."""

    def submit(self, request: DecodeRequest) -> Decoding:
        """Queues a request.

        Raises:
            InvalidRequest: Prompt and output do not fit into a slot; names both counts.
            Overloaded: The queue is full.
            FailedPrecondition: The backend is closed.
        """

    def counters(self) -> Counters:
        """A snapshot."""

    def close(self) -> None:
        """Cancels what is under way and frees the model. May be called again."""
