"""The terminal: at most 100 columns, and exactly 100 where the output goes to a file or a pipe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

__all__ = ["WIDTH", "stderr", "stdout"]

WIDTH = 100


# A terminal obeys control characters, and what is printed comes from requests, databases and other services.
_CONTROLS = dict.fromkeys((*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0)))


class _SafeConsole(Console):
    """Leaves control characters that stand in text out: rich has counted them as no columns."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Renders as rich does; its own styles and controls stay what they are."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(segment.text.translate(_CONTROLS), segment.style)


def stdout() -> Console:
    """Returns a console on the current stdout."""
    return _SafeConsole(file=sys.stdout, width=_width(sys.stdout.isatty()), highlight=False)


def stderr() -> Console:
    """Returns a console on the current stderr."""
    return _SafeConsole(file=sys.stderr, width=_width(sys.stderr.isatty()), highlight=False)


def _width(terminal: bool) -> int:
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if terminal else WIDTH
