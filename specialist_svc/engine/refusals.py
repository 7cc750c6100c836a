"""The errors of a request that does not fit or is over, the same words from every backend."""

from __future__ import annotations

from narrowgauge.errors import (
    Cancelled,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    LimitExceeded,
    Overloaded,
)

__all__ = ["call_too_long", "cancelled", "closed", "expired", "prompt_too_long", "queue_full", "shut_down"]


def prompt_too_long(*, prompt: int, output: int, slot: int) -> InvalidRequest:
    """Prompt and output do not fit into a slot; all three in tokens."""
    return InvalidRequest(
        "PROMPT_TOO_LONG",
        f"the prompt has {prompt} tokens and the call may have {output}; together at most {slot} fit into a "
        "slot: shorten the request or its context, or raise NARROWGAUGE_SLOT_TOKENS",
        metadata={"prompt_tokens": str(prompt), "output_tokens": str(output), "slot_tokens": str(slot)},
    )


def call_too_long(max_tokens: int) -> LimitExceeded:
    """The call has all tokens that it may have, and is not finished."""
    return LimitExceeded(
        "CALL_TOO_LONG",
        f"the call is not finished after {max_tokens} tokens; raise max_tokens",
        metadata={"max_tokens": str(max_tokens)},
    )


def queue_full(*, waiting: int, limit: int, retry_after_ms: int) -> Overloaded:
    """As many requests wait as may."""
    return Overloaded(
        "QUEUE_FULL",
        f"{waiting} requests wait already, as many as may; try later or add replicas",
        retry_after_ms=max(50, retry_after_ms),
        metadata={"queue_limit": str(limit)},
    )


def cancelled() -> Cancelled:
    """The caller has left."""
    return Cancelled("CANCELLED", "the caller left")


def expired() -> DeadlineExceeded:
    """The deadline has passed."""
    return DeadlineExceeded("DEADLINE_EXCEEDED", "the time allowed ran out while the call was decoded")


def shut_down() -> Cancelled:
    """The backend was closed while the request was under way."""
    return Cancelled("ENGINE_CLOSED", "the specialist was shut down")


def closed() -> FailedPrecondition:
    """The backend is closed and takes no request."""
    return FailedPrecondition("ENGINE_CLOSED", "the specialist is shutting down")
