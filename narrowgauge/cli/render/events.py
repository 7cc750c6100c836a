"""Prints a chain's events as they come; each line begins with the step run that it is about."""

from __future__ import annotations

from google.rpc import code_pb2, status_pb2
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from narrowgauge.cli.render.plan_tree import plan_tree
from narrowgauge.cli.render.results import result_view
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2
from narrowgauge.v1.specialist_pb2 import TurnTimings

__all__ = ["EventView", "side_effect_word"]

_INDENT = 7


def side_effect_word(side_effect: int) -> str:
    """Returns `read`, `write` or `destructive`."""
    return options_pb2.SideEffect.Name(side_effect).removeprefix("SIDE_EFFECT_").lower()  # type: ignore[arg-type]


class EventView:
    """Prints events on a console, one after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, event: pb.DispatchResponse) -> None:
        """Prints one event."""
        kind = event.WhichOneof("event")
        if kind is not None:
            getattr(self, f"_{kind}")(event.step_id, getattr(event, kind))

    def _plan_made(self, step: str, event: pb.PlanMade) -> None:
        self._console.print(plan_tree(event.plan))

    def _step_started(self, step: str, event: pb.StepStarted) -> None:
        self._line(step, ("▶ ", "bold green"), (event.specialist, "cyan"), f"  {event.text}")

    def _step_expanded(self, step: str, event: pb.StepExpanded) -> None:
        ids = event.step_ids
        span = f"{ids[0]} … {ids[-1]}" if len(ids) > 1 else "".join(ids)
        self._line(step, (f"one run for each row: {len(ids)} ({span})", "magenta"))

    def _tool_call(self, step: str, event: pb.ToolCallMade) -> None:
        method = ".".join(event.call.method.rsplit(".", 2)[-2:])
        self._line(step, (method, "bold"), (f"  {_timings(event.timings)}", "dim"))
        self._block(Text(event.call.json, overflow="fold", style="blue"))

    def _approval_required(self, step: str, event: pb.ApprovalRequired) -> None:
        self._line(step, (f"waits for approval ({side_effect_word(event.side_effect)})", "yellow"))

    def _approval_given(self, step: str, event: pb.ApprovalGiven) -> None:
        by = " by policy" if event.by_policy else ""
        reason = f": {event.reason}" if event.reason else ""
        if event.approved:
            self._line(step, (f"approved{by}{reason}", "green"))
        else:
            self._line(step, (f"rejected{by}{reason}", "yellow"))

    def _tool_call_sent(self, step: str, event: pb.ToolCallSent) -> None:
        """Says nothing: the result follows."""

    def _tool_result(self, step: str, event: pb.ToolResultReceived) -> None:
        words, view = result_view(event.json)
        self._line(step, f"→ {words}", (f"  {event.tool_ms:.1f} ms", "dim"))
        if view is not None:
            self._block(view)

    def _step_retry(self, step: str, event: pb.StepRetry) -> None:
        self._line(step, (f"attempt {event.attempt}: {_words(event.cause)}", "yellow"))

    def _step_failed(self, step: str, event: pb.StepFailed) -> None:
        self._line(step, (f"✗ failed: {_words(event.status)}", "red"))

    def _step_finished(self, step: str, event: pb.StepFinished) -> None:
        self._line(step, ("✓", "green"), (f" {event.step_ms:.0f} ms", "dim"))

    def _step_skipped(self, step: str, event: pb.StepSkipped) -> None:
        self._line(step, (f"– skipped: {event.message or event.reason}", "yellow"))

    def _chain_finished(self, step: str, event: pb.ChainFinished) -> None:
        ended = event.status.code == code_pb2.OK
        timings = event.timings
        parts = ", ".join(
            f"{name} {ms:.0f}"
            for name, ms in (
                ("plan", timings.plan_ms),
                ("specialists", timings.specialist_ms),
                ("tools", timings.tool_ms),
                ("state", timings.state_ms),
                ("approvals", timings.approval_ms),
            )
        )
        words = "done" if ended else f"ended with an error: {_words(event.status)}"
        self._console.print(
            Text.assemble(
                (words, "bold green" if ended else "bold red"), f" · {timings.loop_ms:.0f} ms ({parts})"
            )
        )

    def _line(self, step: str, *parts: str | tuple[str, str]) -> None:
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(width=_INDENT - 2, justify="right", style="bold")
        line.add_column(overflow="fold")
        line.add_row(step, Text.assemble(*parts))
        self._console.print(line)

    def _block(self, view: RenderableType) -> None:
        self._console.print(Padding(view, (0, 0, 0, _INDENT), expand=False))


def _words(status: status_pb2.Status) -> str:
    name = code_pb2.Code.Name(status.code) if status.code in code_pb2.Code.values() else str(status.code)
    return f"{name} {status.message}".strip()


def _timings(timings: TurnTimings) -> str:
    tokens = f"{timings.output_tokens} tokens"
    if timings.forced_tokens:
        tokens += f", {timings.forced_tokens} forced"
    prompt = f"prompt {timings.prompt_tokens}"
    if timings.cached_tokens:
        prompt += f", {timings.cached_tokens} cached"
    return (
        f"{timings.total_ms:.0f} ms (queue {timings.queue_ms:.0f}, prefill {timings.prefill_ms:.0f}, "
        f"decode {timings.decode_ms:.0f}, validate {timings.validate_ms:.0f}; {prompt}; {tokens})"
    )
