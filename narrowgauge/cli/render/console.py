"""The terminal: at most 100 columns, and exactly 100 where the output goes to a file or a pipe."""

from __future__ import annotations

import shutil
import sys

from rich.console import Console

__all__ = ["WIDTH", "stderr", "stdout"]

WIDTH = 100


def stdout() -> Console:
    """Returns a console on the current stdout."""
    return Console(file=sys.stdout, width=_width(sys.stdout.isatty()), highlight=False)


def stderr() -> Console:
    """Returns a console on the current stderr."""
    return Console(file=sys.stderr, width=_width(sys.stderr.isatty()), highlight=False)


def _width(terminal: bool) -> int:
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if terminal else WIDTH
