"""Errors as a person at a terminal reads them: one line, what to do, an exit code, no traceback."""

from __future__ import annotations

import os
import sys
import traceback

from narrowgauge.errors import InvalidRequest, NarrowgaugeError

__all__ = ["exit_code_of", "known_error", "print_error"]

_HINTS = {
    "UNAVAILABLE": "is the system up? `narrowgauge up` starts it, `narrowgauge doctor` checks it",
    "NOT_READY": "`narrowgauge doctor` says what is up",
}


def exit_code_of(exc: Exception) -> int | None:
    """Prints an error and returns the exit code: 2 for wrong usage, 1 for a failure.

    None for exceptions that the command line library reports itself.
    """
    if type(exc).__module__.startswith(("typer.", "click.")):
        return None
    error = known_error(exc)
    if error is not None:
        print_error(error)
        return 2 if isinstance(error, InvalidRequest) else 1
    if isinstance(exc, BrokenPipeError):
        return None
    from narrowgauge.cli.render.console import stderr

    if os.environ.get("NARROWGAUGE_DEBUG") == "1":
        traceback.print_exception(exc, file=sys.stderr)
    stderr().print(f"error: a defect in Narrowgauge: {type(exc).__name__}: {exc}", style="red", markup=False)
    stderr().print("NARROWGAUGE_DEBUG=1 shows the traceback", style="dim")
    return 1


def known_error(exc: BaseException) -> NarrowgaugeError | None:
    """Returns an exception as an error with a reason; None when it is a defect."""
    if isinstance(exc, NarrowgaugeError):
        return exc
    if "grpc" in sys.modules:
        import grpc

        if isinstance(exc, grpc.aio.AioRpcError):
            from narrowgauge.runtime.status import error_from_rpc

            return error_from_rpc(exc)
    return None


def print_error(error: NarrowgaugeError) -> None:
    """Prints one red line, and below it what to do where the message does not say it."""
    from narrowgauge.cli.render.console import stderr

    first, _, rest = error.message.partition("\n")
    stderr().print(f"error: {first}", style="red", markup=False, highlight=False, soft_wrap=True)
    if rest:
        stderr().print(rest, style="dim", markup=False, highlight=False, soft_wrap=True)
    for field, description in getattr(error, "field_violations", ()):
        stderr().print(f"  {field}: {description}", style="red", markup=False, highlight=False)
    hint = _HINTS.get(error.reason)
    if hint:
        stderr().print(hint, style="dim", markup=False, highlight=False)
