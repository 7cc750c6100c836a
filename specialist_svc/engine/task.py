"""A request inside the step loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import groupby

from specialist_svc.engine.backend import Decoded, DecodeRequest, DecodeTimings, Written
from specialist_svc.engine.prefix_cache import Segment, chain
from specialist_svc.engine.scheduler import DecodeSequence, Run
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.engine.writer import Writer

__all__ = ["DecodeTask", "PromptPart", "prompt_parts"]

PromptPart = tuple[tuple[int, ...], tuple[bool, ...]]
"""Tokens of one prompt segment, and for each whether it is a single run."""


def prompt_parts(prompt: Iterable[str | Written], tokenizer: ModelTokenizer) -> list[PromptPart]:
    """Tokenises a prompt part by part.

    What an earlier turn wrote becomes two segments: the tokens that went through the model then, and those
    that ended the text without a further pass.
    """
    parts: list[PromptPart] = []
    for part in prompt:
        if isinstance(part, str):
            tokens = tokenizer.encode_part(part)
            parts.append((tokens, (False,) * len(tokens)))
        else:
            read = len(part.single)
            parts.append((part.tokens[:read], part.single))
            parts.append((part.tokens[read:], (False,) * (len(part.tokens) - read)))
    return [part for part in parts if part[0]]


@dataclass(eq=False, kw_only=True)
class DecodeTask(DecodeSequence):
    """A request with everything that decoding it needs.

    Attributes:
        request: What was asked for.
        writer: Writes the text.
        parts: The prompt.
        tokens: The prompt's tokens.
        single: For each of them whether it is a single run.
        segments: The prompt's segments.
        future: Ends with the result.
        cached: Prompt tokens whose KV cache was reused.
    """

    request: DecodeRequest
    writer: Writer
    parts: list[PromptPart]
    tokens: tuple[int, ...]
    single: tuple[bool, ...]
    segments: list[Segment]
    future: Future[Decoded] = field(default_factory=Future)
    cached: int = 0
    submitted: float = 0.0
    admitted: float = 0.0
    prefilled: float = 0.0
    first_token: float = 0.0

    @classmethod
    def of(cls, request: DecodeRequest, parts: list[PromptPart], writer: Writer) -> DecodeTask:
        """Makes the task of a request."""
        task = cls(
            runs=deque(),
            client=request.client,
            deadline=request.deadline,
            request=request,
            writer=writer,
            parts=parts,
            tokens=tuple(token for tokens, _ in parts for token in tokens),
            single=tuple(flag for _, single in parts for flag in single),
            segments=chain(parts),
        )
        # From here only the step loop ends it; an awaiting caller that leaves says so by `Decoding.cancel`.
        task.future.set_running_or_notify_cancel()
        return task

    def start(self, cached: int) -> None:
        """Makes runs of the prompt behind its `cached` tokens, and of what the constraint forces first."""
        self.cached = self.length = cached
        self.runs.extend(_runs(self.tokens[cached:], self.single[cached:]))
        for run in self.writer.begin():
            last = self.runs[-1]
            if self.writer.forced_runs and not last.single:
                self.runs[-1] = Run(last.tokens + run.tokens)
            else:
                self.runs.append(run)
        if not self.writer.finished:
            self.runs[-1] = replace(self.runs[-1], wide=(self.writer.place.wide,))

    def written_segments(self) -> list[Segment]:
        """Segments of the prompt and of what was written and read again, for the conversation's next turn."""
        read = len(self.writer.single)
        return chain([*self.parts, (tuple(self.writer.tokens[:read]), tuple(self.writer.single))])

    def result(self, finished: float) -> Decoded:
        """The finished text.

        Raises:
            InternalError: It is not UTF-8.
        """
        writer = self.writer
        return Decoded(
            written=Written(writer.text, tuple(writer.tokens), tuple(writer.single)),
            closed_early=writer.closed_early,
            prompt_tokens=len(self.tokens),
            cached_tokens=self.cached,
            output_tokens=len(writer.tokens),
            forced_tokens=writer.forced_tokens,
            guessed_tokens=writer.guessed_tokens,
            timings=DecodeTimings(self.submitted, self.admitted, self.prefilled, self.first_token, finished),
        )


def _runs(tokens: Sequence[int], single: Sequence[bool]) -> list[Run]:
    runs: list[Run] = []
    for alone, group in groupby(zip(tokens, single, strict=True), key=lambda pair: pair[1]):
        members = tuple(token for token, _ in group)
        runs.extend([Run((token,), single=True) for token in members] if alone else [Run(members)])
    return runs
