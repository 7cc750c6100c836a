"""Progress on stderr: a bar on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from narrowgauge.cli.render.console import stderr

__all__ = ["progress_bar"]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float | None], None]]:
    """Yields a function that shows what is being done and how far it is (0 to 1; None for unknown).

    It may be called from any thread.
    """
    console = stderr()
    if not console.is_terminal:
        last = ""
        lock = threading.Lock()

        def line(what: str, fraction: float | None) -> None:
            nonlocal last
            with lock:
                if what != last:
                    last = what
                    console.print(f"{what} …", style="dim", markup=False)

        yield line
        return

    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, fraction: float | None) -> None:
            bar.update(
                task, description=what, total=None if fraction is None else 1.0, completed=fraction or 0.0
            )

        yield show
