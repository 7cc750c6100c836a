"""The turns of a stream: prompt, constrained decoding, parse, check, and repair when a tool refuses.

A sub-task's turns are one conversation, held as prompt parts, so that each turn prefills only what is new.
The next sub-task of the stream begins a new one: what it needs of earlier ones is in its context, and its
call must not depend on which sub-tasks happened to share its stream.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from narrowgauge.contracts.closed_sets import FIGURES, source_text
from narrowgauge.contracts.contract import ToolCall
from narrowgauge.contracts.grounded_values import Grounds, OpenValueOf, ReadsOpenValues
from narrowgauge.contracts.places_said import request_shown
from narrowgauge.contracts.prompts import follow_up, quoted_call
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.contracts.validate import violations
from narrowgauge.contracts.written_words import row_cells, texts_in
from narrowgauge.errors import InvalidRequest, LimitExceeded
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument
from specialist_svc.derived import fill_derived
from specialist_svc.engine.backend import Decoded, DecodeRequest, Decoding, Lease, Written
from specialist_svc.figures import digit_runs, unsupported_figures
from specialist_svc.fitting import fit_prompt
from specialist_svc.report import TurnReport
from specialist_svc.specialist import Specialist

__all__ = ["Call", "Conversation", "Refused", "SubTask"]

_LEAST_OUTPUT_TOKENS = 48


@dataclass(frozen=True)
class SubTask:
    """What is asked for.

    Attributes:
        text: The request.
        context: Documents that it is about.
        catalogue: What exists in the tool's environment.
        today: YYYY-MM-DD.
        max_tokens: Upper bound on the call's tokens.
        client: On whose behalf; the decode backend shares its slots fairly between clients.
    """

    text: str
    context: tuple[ContextDocument, ...]
    catalogue: Catalogue
    today: str
    max_tokens: int
    client: str = ""


@dataclass(frozen=True)
class Call:
    """A call that is valid against its message.

    Attributes:
        call: Tool and message.
        text: The call as it was written.
        closed_early: It reached its token limit and was closed on a short way.
    """

    call: ToolCall
    text: str
    closed_early: bool


@dataclass(frozen=True)
class Refused:
    """No call.

    Attributes:
        reason: UPPER_SNAKE.
        message: For people.
    """

    reason: str
    message: str


@dataclass
class _Task:
    """What the turns of one sub-task share."""

    asked: SubTask
    source: str
    aliases: RecordAliases
    closed_sets: ClosedSets
    digits: frozenset[str] | None
    grounds: Grounds | None = None
    written: Written | None = None
    refused_calls: list[str] = field(default_factory=list)

    def learn(self, error: str) -> None:
        """Lets values of the next call stand in an error that the model will read."""
        if self.grounds is not None:
            self.grounds = self.grounds.and_text(self.aliases.hide(error))


class Conversation:
    """One stream's turns; not safe for use by several tasks at once."""

    def __init__(self, specialist: Specialist, *, deadline: float | None = None) -> None:
        """Begins.

        Args:
            specialist: Who speaks.
            deadline: Instant of `time.monotonic()` after which the caller no longer wants an answer.
        """
        self._specialist = specialist
        self._deadline = deadline
        self._lease = Lease()
        self._said: list[str | Written] = []
        self._shared_parts = 0
        self._task: _Task | None = None

    @property
    def specialist(self) -> Specialist:
        """Who speaks."""
        return self._specialist

    def close(self) -> None:
        """Says that no turn will follow. May be called again."""
        self._lease.close()

    async def start(self, asked: SubTask, report: TurnReport) -> Call | Refused:
        """Answers a sub-task.

        Raises:
            InvalidRequest: It does not fit into a slot.
            FailedPrecondition: The catalogue lacks names that every call needs.
            LimitExceeded: No call without a broken rule was found, or it is longer than allowed.
            Overloaded, DeadlineExceeded, Cancelled: As the backend says.
        """
        self._task = await asyncio.to_thread(self._prepare, asked)
        return await self._turn(self._task, report)

    async def repair(self, error: str, report: TurnReport, *, failed: str = "") -> Call | Refused:
        """Answers the refusal of a call.

        Args:
            error: The tool's own words.
            report: Of this turn.
            failed: The refused call as the specialist would have written it; the last one when empty.

        Raises:
            InvalidRequest: There is no call that could have been refused.
        """
        task = self._task
        if task is None or (task.written is None and not failed):
            raise InvalidRequest(
                "NO_CALL", "a tool error came before there was a call that it could be about"
            )
        if failed:
            said: str | Written = quoted_call(task.aliases.hide(failed))
            task.refused_calls.append(failed)
        else:
            assert task.written is not None
            said = task.written
            task.refused_calls.append(task.aliases.show(task.written.text))
        task.learn(error)
        self._said += [said, follow_up(self._specialist.chat, task.aliases.hide(error))]
        answer = await self._turn(task, report)
        if isinstance(answer, Call) and answer.text in task.refused_calls:
            return Refused(
                "NOT_REPAIRABLE", "the specialist has no other call than the one that the tool refused"
            )
        if isinstance(answer, Refused):
            return Refused(
                "NOT_REPAIRABLE", "the specialist holds that no call of its own avoids the tool's error"
            )
        return answer

    def finish(self) -> Refused:
        """Answers the result of the last call: the sub-task is done.

        Raises:
            InvalidRequest: There is no call that it could be of.
        """
        task = self._task
        if task is None or task.written is None:
            raise InvalidRequest("NO_CALL", "a tool result came before there was a call")
        return Refused("SUB_TASK_DONE", "the sub-task's call has its result; send the next sub-task or close")

    def _prepare(self, asked: SubTask) -> _Task:
        specialist = self._specialist
        source = source_text(asked.context)
        aliases = RecordAliases.of_sub_task(specialist.surface.closed_sets, asked.text, source)
        closed_sets = specialist.constraints.closed_sets(asked.catalogue, request=asked.text, source=source)
        task = _Task(
            asked=asked,
            source=source,
            aliases=aliases,
            closed_sets=closed_sets,
            digits=digit_runs(source) if specialist.is_about_context else None,
        )
        parts = fit_prompt(
            specialist,
            request=asked.text,
            context=asked.context,
            catalogue=asked.catalogue,
            today=asked.today,
            output_tokens=asked.max_tokens,
            aliases=aliases,
        )
        if isinstance(specialist.surface, ReadsOpenValues):
            shown = aliases.hide(request_shown(asked.text, specialist.surface))
            context = aliases.hidden(asked.context)
            task.grounds = Grounds(
                parts.turn, shown, specialist.surface.own_words, texts_in(context), row_cells(context)
            )
        self._said = list(parts.texts)
        self._shared_parts = len(parts.texts) - 1
        return task

    async def _turn(self, task: _Task, report: TurnReport) -> Call | Refused:
        prompt = tuple(self._said)
        digits, closed_sets, problem = task.digits, task.closed_sets, ""
        for _ in range(1 + self._specialist.max_redecodes):
            grammar, grounded = await asyncio.to_thread(self._constrained, task, closed_sets)
            decoded = await self._decode(prompt, grammar, digits, grounded, task)
            report.decoded(decoded)
            began = time.monotonic()
            answer = await asyncio.to_thread(self._checked, decoded, task)
            report.validated(began)
            if not isinstance(answer, str):
                task.written = decoded.written
                return answer
            problem = answer
            task.learn(problem)
            prompt = (
                *self._said,
                decoded.written,
                follow_up(self._specialist.chat, task.aliases.hide(problem)),
            )
            if task.digits is not None:
                # A figure was wrong although all its digits stand in the source: write the text without any.
                digits, closed_sets = frozenset[str](), {**task.closed_sets, FIGURES: ()}
        raise LimitExceeded(
            "NO_VALID_CALL",
            f"after {1 + self._specialist.max_redecodes} attempts the call still breaks a rule: {problem}",
            metadata={"attempts": str(1 + self._specialist.max_redecodes)},
        )

    async def _decode(
        self,
        prompt: tuple[str | Written, ...],
        grammar: str,
        digits: frozenset[str] | None,
        grounded: tuple[Grounds, OpenValueOf] | None,
        task: _Task,
    ) -> Decoded:
        asked = task.asked
        backend = self._specialist.backend
        room = backend.slot_tokens - backend.count_tokens(prompt)
        if room < _LEAST_OUTPUT_TOKENS:
            raise LimitExceeded(
                "CONVERSATION_TOO_LONG",
                f"the conversation leaves {room} of {backend.slot_tokens} tokens for a call; "
                "begin a new stream",
                metadata={"slot_tokens": str(backend.slot_tokens)},
            )
        request = DecodeRequest(
            prompt=prompt,
            grammar=grammar,
            max_tokens=min(asked.max_tokens, room),
            shared_parts=self._shared_parts,
            digits=digits,
            grounded=grounded,
            deadline=self._deadline,
            drafts=self._specialist.drafts,
            lease=self._lease,
            client=asked.client,
        )
        # In a thread, because compiling a large constraint takes a while, and other streams go on meanwhile.
        submitting = asyncio.ensure_future(asyncio.to_thread(backend.submit, request))
        try:
            decoding = await asyncio.shield(submitting)
        except asyncio.CancelledError:
            submitting.add_done_callback(_cancel_submitted)
            raise
        try:
            return await asyncio.wrap_future(decoding.future)
        finally:
            decoding.cancel()

    def _constrained(
        self, task: _Task, closed_sets: ClosedSets
    ) -> tuple[str, tuple[Grounds, OpenValueOf] | None]:
        """Returns the grammar of a call and what its free values can be; both take a while to find."""
        specialist = self._specialist
        grammar = specialist.constraints.grammar(task.asked.catalogue, closed_sets)
        if task.grounds is None or not isinstance(specialist.surface, ReadsOpenValues):
            return grammar, None
        task.grounds.prepare()
        return grammar, (task.grounds, specialist.surface.value_reader(task.closed_sets, task.grounds))

    def _checked(self, decoded: Decoded, task: _Task) -> Call | Refused | str:
        """Returns the answer, or the rule that it breaks."""
        text = task.aliases.show(decoded.written.text)
        try:
            call = self._specialist.surface.parse(text, task.closed_sets)
        except InvalidRequest as exc:
            return exc.message
        fill_derived(call.request, task.source)
        broken = violations(call.request)
        if broken:
            return "; ".join(f"{path}: {rule}" if path else rule for path, rule in broken)
        if task.digits is not None:
            invented = unsupported_figures(call.request, task.source)
            if invented:
                return f"the source does not have {', '.join(invented)}"
        if _says_unanswerable(call):
            return Refused("UNANSWERABLE", "the environment does not hold what the sub-task asks for")
        return Call(call, text, decoded.closed_early)


def _cancel_submitted(submitting: asyncio.Future[Decoding]) -> None:
    """Takes out a request whose caller left while it was being submitted."""
    if submitting.exception() is None:
        submitting.result().cancel()


def _says_unanswerable(call: ToolCall) -> bool:
    """Whether a call is the statement that there is none: a set field `unanswerable`."""
    field_of_call = call.tool.request.fields_by_name.get("unanswerable")
    return field_of_call is not None and bool(getattr(call.request, field_of_call.name))
