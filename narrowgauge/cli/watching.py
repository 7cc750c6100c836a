"""A training run as its terminal sees it: how far it is, and that it is asked to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from narrowgauge.training.progress import Progress, Watcher

__all__ = ["stop_on_signal", "watched"]

_LINE_EVERY_S = 30.0


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], None]]:
    """Yields a function that raises when someone asked to stop; the batch at hand is finished first.

    A second signal interrupts at once.
    """
    from narrowgauge.errors import Cancelled

    asked: list[int] = []

    def stop(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}

    def check() -> None:
        if asked:
            raise Cancelled("STOPPED", "stopped; the same command goes on from here")

    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watched(name: str, check: Callable[[], None]) -> Iterator[Watcher]:
    """Shows a bar with loss, tokens a second and time left; lines where there is no terminal.

    Args:
        name: Of the specialist.
        check: Called at every step; may raise to end the run.
    """
    from narrowgauge.cli.render.console import stderr
    from narrowgauge.training.progress import Watcher

    console = stderr()
    if not console.is_terminal:
        shown, shown_step = -_LINE_EVERY_S, -1
        stage_shown = ""

        def stage_line(what: str, done: int, of: int) -> None:
            nonlocal stage_shown
            check()
            if what != stage_shown:
                stage_shown = what
                console.print(f"{what} …", style="dim", markup=False)

        def step_line(progress: Progress) -> None:
            nonlocal shown, shown_step
            now = time.monotonic()
            due = now - shown >= _LINE_EVERY_S or progress.step == progress.steps
            if due and progress.step != shown_step:
                shown, shown_step = now, progress.step
                console.print(_words(progress), style="dim", markup=False, highlight=False)
            check()

        yield Watcher(stage_line, step_line)
        return

    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
    from rich.progress import Progress as Bar

    with Bar(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        console=console,
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def shown_as(what: str) -> TaskID:
            """Returns the bar of a stage; the stages before it are done."""
            if what not in tasks:
                for task in tasks.values():
                    of = bar.tasks[task].total or 1
                    bar.update(task, total=of, completed=of)
                tasks[what] = bar.add_task(f"{name}: {what}", total=None, facts="")
            return tasks[what]

        def stage(what: str, done: int, of: int) -> None:
            check()
            bar.update(shown_as(what), total=of or None, completed=min(done, of))

        def step(progress: Progress) -> None:
            facts = (
                f"loss {progress.loss:.3f}  {progress.tokens_s:.0f} tokens/s  {_time(progress.left_s)} left"
            )
            task = shown_as("training")
            bar.update(task, total=progress.steps, completed=progress.step, facts=facts)
            check()

        yield Watcher(stage, step)


def _words(progress: Progress) -> str:
    return (
        f"step {progress.step} of {progress.steps}, loss {progress.loss:.3f}, "
        f"{progress.tokens_s:.0f} tokens/s, {_time(progress.left_s)} left"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
