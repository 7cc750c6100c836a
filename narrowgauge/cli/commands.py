"""The commands, one line each. A command's module is imported only when the command is used."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["COMMANDS", "LazyGroup"]

COMMANDS: dict[str, tuple[str, str]] = {
    # name: (module:attribute, one line for `narrowgauge --help`)
    "demo": (
        "narrowgauge.cli.demo:demo",
        "Start everything, run the demo request, show the rows, shut down.",
    ),
    "up": ("narrowgauge.cli.up:up", "Start everything on this machine and keep it running."),
    "ask": ("narrowgauge.cli.ask:ask", "Run a request and watch its steps."),
    "plan": ("narrowgauge.cli.plan:plan", "Show how a request would be split and routed."),
    "trace": ("narrowgauge.cli.trace:trace", "Draw the waterfall of a chain, its critical path marked."),
    "metrics": ("narrowgauge.cli.metrics:metrics", "Show counts and latencies of the running system."),
    "specialists": ("narrowgauge.cli.specialists:specialists", "List the specialists and their tools."),
    "compile": ("narrowgauge.cli.compile:compile_command", "Compile contracts into a bundle."),
    "prepare": ("narrowgauge.cli.prepare:prepare_command", "Turn a checkpoint into a quantised ONNX model."),
    "new": ("narrowgauge.cli.new:new_command", "Check a contract and begin a specialist of it."),
    "train": ("narrowgauge.cli.train:train_command", "Fine-tune a specialist on data."),
    "eval": ("narrowgauge.cli.evaluate.command:evaluate", "Measure answers against gold answers."),
    "bench": ("narrowgauge.cli.bench.command:bench", "Measure how fast it is on this machine."),
    "doctor": ("narrowgauge.cli.doctor:doctor", "Check this machine and say what to do."),
}
"""The value's attribute is a function with typer parameters, or a `typer.Typer` with commands of its own."""


class LazyGroup(TyperGroup):
    """A group whose commands are imported on use, and whose errors are one line each."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Returns a stand-in that imports the command when it is used."""
        if cmd_name not in COMMANDS:
            return None
        target, summary = COMMANDS[cmd_name]
        return _LazyCommand(cmd_name, target, summary)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command; an error becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except Exception as exc:
            from narrowgauge.cli.errors import exit_code_of

            code = exit_code_of(exc)
            if code is None:  # typer's own exceptions, which it reports itself
                raise
            raise typer.Exit(code) from exc


class _LazyCommand(TyperCommand):
    """Knows a command's name and summary without its module."""

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, help=summary, short_help=summary)
        self._target = target

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self._load().make_context(info_name, args, parent=parent, **extra)

    def _load(self) -> Any:
        module, _, attribute = self._target.partition(":")
        target = getattr(importlib.import_module(module), attribute)
        if not isinstance(target, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode="rich")
            single.command(self.name, help=inspect.getdoc(target))(target)
            target = single
        return typer.main.get_command(target)
