"""Who approves writes: the policy given on the command line, or a person at the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from enum import StrEnum

from narrowgauge.cli.chain import Decision
from narrowgauge.cli.render.events import side_effect_word
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import options_pb2

__all__ = ["ApproveUpTo", "Terminal", "auto_approved"]


class ApproveUpTo(StrEnum):
    """The strongest side effect that runs without asking."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


_LEVELS: dict[ApproveUpTo, tuple[options_pb2.SideEffect.ValueType, ...]] = {
    ApproveUpTo.READ: (options_pb2.SIDE_EFFECT_READ,),
    ApproveUpTo.WRITE: (options_pb2.SIDE_EFFECT_READ, options_pb2.SIDE_EFFECT_WRITE),
    ApproveUpTo.DESTRUCTIVE: (
        options_pb2.SIDE_EFFECT_READ,
        options_pb2.SIDE_EFFECT_WRITE,
        options_pb2.SIDE_EFFECT_DESTRUCTIVE,
    ),
}


def auto_approved(level: ApproveUpTo) -> Sequence[options_pb2.SideEffect.ValueType]:
    """Returns the side effects that a level lets run."""
    return _LEVELS[level]


class Terminal:
    """Asks a person, on stderr, so that stdout stays the event log."""

    def __init__(self) -> None:
        self._all: set[int] = set()
        self.unanswered = False

    async def decide(self, event: pb.DispatchResponse, call: pb.ToolCallMade) -> Decision:
        """Returns the answer; `a` also answers the later ones of the same side effect."""
        effect = event.approval_required.side_effect
        if effect in self._all:
            return Decision(True)
        if not sys.stdin.isatty():
            self.unanswered = True
            return Decision(False, "nobody was there to approve it")
        method = call.call.method.rpartition(".")[2]
        question = f"{event.step_id}: run this {side_effect_word(effect)} ({method})? [y]es, [n]o, [a]ll: "
        while True:
            answer = (await asyncio.to_thread(_ask, question)).strip().lower()
            if answer in ("a", "all"):
                self._all.add(effect)
                return Decision(True)
            if answer in ("y", "yes"):
                return Decision(True)
            if answer in ("n", "no"):
                return Decision(False, "rejected at the terminal")


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    return line or "n"  # the terminal was closed
