"""Ties a process to the one that started it, so that nothing outlives a killed `narrowgauge up`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

from narrowgauge.errors import FailedPrecondition

__all__ = ["PARENT_PID", "die_with_parent"]

PARENT_PID = "NARROWGAUGE_PARENT_PID"
"""Set by a supervisor to its own process id."""

_PR_SET_PDEATHSIG = 1


def die_with_parent(environ: Mapping[str, str]) -> None:
    """Has the kernel send SIGTERM to this process when its supervisor dies; does nothing without one.

    Raises:
        FailedPrecondition: `PARENT_GONE`: the supervisor died before this was set up.
    """
    parent = environ.get(PARENT_PID, "")
    if not parent or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        raise FailedPrecondition("PARENT_GONE", f"the supervisor {parent} that started this process is gone")
