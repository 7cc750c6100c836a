"""The type of the fixture `cli`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs `narrowgauge` with arguments and variables to its end."""
