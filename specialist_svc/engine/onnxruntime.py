"""The onnxruntime backend: our own step loop over a prepared graph."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import onnxruntime as ort

from narrowgauge.errors import InvalidRequest
from narrowgauge.models import PreparedModel
from specialist_svc.engine import refusals
from specialist_svc.engine.backend import Counters, Decoded, DecodeRequest, Written
from specialist_svc.engine.digits import DigitRule, DigitTokens
from specialist_svc.engine.drafting import Copies, Drafter
from specialist_svc.engine.grounding import GroundingRule, WordTokens
from specialist_svc.engine.guides import guides_of
from specialist_svc.engine.loop import CacheOptions, StepLoop
from specialist_svc.engine.onnx_runner import KvCopy, OnnxRunner, open_session
from specialist_svc.engine.prefix_cache import Segment, chain
from specialist_svc.engine.prefix_store import PrefixStore, processor_identity
from specialist_svc.engine.scheduler import SchedulerLimits
from specialist_svc.engine.task import DecodeTask, prompt_parts
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.engine.writer import Writer

__all__ = ["EngineOptions", "OnnxruntimeBackend"]


@dataclass(frozen=True)
class EngineOptions:
    """How the engine works.

    Attributes:
        slots: Requests decoded at once.
        slot_tokens: Tokens a slot holds, prompt and output together.
        queue: Requests that may wait.
        chunk_tokens: Tokens of a prompt read in one step.
        threads: Threads of the kernels.
        forced_runs: Append forced tokens in one pass; without it the same bytes come more slowly.
        drafts: Guess what comes next and check several tokens in one pass.
        caches: What is kept of KV caches.
        prefixes: Folder that keeps warmed prefixes from one process to the next; None for none.
        guide: What holds the constraint: `llguidance` or `outlines_core`.
    """

    slots: int = 4
    slot_tokens: int = 1024
    queue: int = 64
    chunk_tokens: int = 64
    threads: int = 1
    forced_runs: bool = True
    drafts: bool = True
    caches: CacheOptions = field(default_factory=CacheOptions)
    prefixes: Path | None = None
    guide: str = "llguidance"


class _Handle:
    """A decoding under way; see `Decoding`."""

    def __init__(self, task: DecodeTask, loop: StepLoop) -> None:
        self._task = task
        self._loop = loop

    @property
    def future(self) -> Future[Decoded]:
        """See `Decoding.future`."""
        return self._task.future

    def cancel(self) -> None:
        """See `Decoding.cancel`."""
        self._loop.cancel(self._task)


class OnnxruntimeBackend:
    """See `DecodeBackend`."""

    def __init__(
        self, model: PreparedModel, options: EngineOptions, *, provider: str = "CPUExecutionProvider"
    ) -> None:
        """Opens the model and starts the step loop.

        Raises:
            FailedPrecondition: The installed onnxruntime lacks the execution provider.
            DataLoss: Graph or tokenizer cannot be read.
            InvalidRequest: A slot would hold more tokens than the model has positions for.
        """
        if options.slot_tokens > model.config.max_positions:
            raise InvalidRequest(
                "SLOT_TOO_LONG",
                f"slots of {options.slot_tokens} tokens were asked for, {model.name} has positions for "
                f"{model.config.max_positions}: lower NARROWGAUGE_SLOT_TOKENS",
            )
        self._options = options
        self._name = f"onnxruntime-{provider.removesuffix('ExecutionProvider').lower()}"
        self._tokenizer = ModelTokenizer(
            model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
        )
        self._guides = guides_of(options.guide, self._tokenizer)
        self._digits = DigitTokens(self._tokenizer)
        self._words = WordTokens(self._tokenizer)
        self._copies = Copies(self._tokenizer.texts())
        self._stored = _prefix_store(options.prefixes, model, self._name)
        session = open_session(model, threads=options.threads, provider=provider)
        self._loop = StepLoop(
            OnnxRunner(session, model, slots=options.slots, slot_tokens=options.slot_tokens),
            SchedulerLimits(options.slots, options.queue, options.chunk_tokens),
            options.caches,
        )

    @property
    def name(self) -> str:
        """See `DecodeBackend.name`."""
        return self._name

    @property
    def slots(self) -> int:
        """See `DecodeBackend.slots`."""
        return self._options.slots

    @property
    def slot_tokens(self) -> int:
        """See `DecodeBackend.slot_tokens`."""
        return self._options.slot_tokens

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The model's tokenizer."""
        return self._tokenizer

    def compile(self, grammar: str) -> None:
        """Makes the constraint of a grammar ahead of the first request.

        Raises:
            Unsupported: The guide cannot express it.
        """
        self._guides.guide(grammar)

    def count_tokens(self, prompt: Sequence[str | Written]) -> int:
        """See `DecodeBackend.count_tokens`."""
        return sum(len(tokens) for tokens, _ in prompt_parts(prompt, self._tokenizer))

    def warm(self, prompt: Sequence[str]) -> None:
        """See `DecodeBackend.warm`."""
        # One sampled token is all that this grammar takes, so both kinds of pass are short.
        grammar = 'start: ("a" | "b") ("a" | "b")'
        request = DecodeRequest((*prompt, "\n"), grammar, max_tokens=64, shared_parts=len(prompt))
        loaded = self._load_prefix(segments := chain(prompt_parts(prompt, self._tokenizer)))
        self.submit(request).future.result()
        if self._stored is not None:
            for segment in segments[loaded:]:
                block = self._loop.kept(segment)
                if isinstance(block, KvCopy):
                    self._stored.save(segment.key, block.data)

    def submit(self, request: DecodeRequest) -> _Handle:
        """See `DecodeBackend.submit`."""
        parts = prompt_parts(request.prompt, self._tokenizer)
        length = sum(len(tokens) for tokens, _ in parts)
        if length + request.max_tokens > self.slot_tokens:
            raise refusals.prompt_too_long(prompt=length, output=request.max_tokens, slot=self.slot_tokens)
        prompt = [token for tokens, _ in parts for token in tokens]
        writer = Writer(
            self._guides.guide(request.grammar),
            self._tokenizer,
            max_tokens=request.max_tokens,
            digits=DigitRule(self._digits, request.digits) if request.digits is not None else None,
            grounding=GroundingRule(self._words, *request.grounded) if request.grounded else None,
            forced_runs=self._options.forced_runs,
            drafter=Drafter(prompt, request.drafts, self._copies) if self._options.drafts else None,
        )
        task = DecodeTask.of(request, parts, writer)
        self._loop.submit(task)
        return _Handle(task, self._loop)

    def counters(self) -> Counters:
        """See `DecodeBackend.counters`."""
        return self._loop.counters()

    def close(self) -> None:
        """See `DecodeBackend.close`."""
        self._loop.close()

    def _load_prefix(self, segments: Sequence[Segment]) -> int:
        """Loads the leading segments that are on disk; returns how many."""
        for count, segment in enumerate(segments if self._stored is not None else ()):
            values = self._stored.load(segment.key) if self._stored is not None else None
            if values is None:
                return count
            self._loop.offer(segment, KvCopy(values))
        return len(segments)


def _prefix_store(folder: Path | None, model: PreparedModel, backend: str) -> PrefixStore | None:
    if folder is None:
        return None
    identity = (model.hash, backend, ort.__version__, processor_identity())
    return PrefixStore(folder, "\n".join(identity))
