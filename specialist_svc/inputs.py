"""Checks what callers send, before anything is spent on it."""

from __future__ import annotations

import datetime
import unicodedata
from dataclasses import dataclass

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1.specialist_pb2 import ContextDocument, ExecuteStart

__all__ = ["InputLimits", "check_start", "check_text", "today_of"]

_ALLOWED_CONTROLS = frozenset("\n\r\t")


@dataclass(frozen=True)
class InputLimits:
    """Bounds of a sub-task.

    Attributes:
        text_chars: Characters of its text.
        context_chars: Characters of all its context documents, rows included.
    """

    text_chars: int
    context_chars: int


def check_start(start: ExecuteStart, limits: InputLimits, *, needs_context: bool) -> None:
    """Checks a sub-task.

    Args:
        start: The message.
        limits: Bounds.
        needs_context: The contract is about its context, and there is nothing to do without one.

    Raises:
        InvalidRequest: What is wrong and where.
    """
    check_text("start.text", start.text, limits.text_chars)
    if not start.text.strip():
        raise _invalid("EMPTY_TEXT", "start.text", "the sub-task's text is empty")
    total = sum(_characters(document) for document in start.context)
    if total > limits.context_chars:
        raise _invalid(
            "CONTEXT_TOO_LONG",
            "start.context",
            f"the context has {total} characters, more than {limits.context_chars}",
        )
    for index, document in enumerate(start.context):
        _check_controls(f"start.context[{index}]", document.title + document.text)
    if needs_context and not any(d.text.strip() or d.rows_json for d in start.context):
        raise _invalid(
            "CONTEXT_MISSING", "start.context", "there is no text to work on: send it as a context document"
        )
    if start.max_tokens < 0:
        raise _invalid("BAD_MAX_TOKENS", "start.max_tokens", "max_tokens is negative")


def today_of(start: ExecuteStart) -> str:
    """Returns the date that relative dates refer to, as YYYY-MM-DD.

    Raises:
        InvalidRequest: The caller's date is not one.
    """
    if not start.today:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(start.today).isoformat()
    except ValueError:
        raise _invalid("BAD_DATE", "start.today", "today is not a date of the form YYYY-MM-DD") from None


def check_text(path: str, text: str, limit: int) -> None:
    """Checks a text of a message.

    Args:
        path: Of the field.
        text: Its value.
        limit: Characters that it may have.

    Raises:
        InvalidRequest: It is too long, or has control characters.
    """
    if len(text) > limit:
        raise _invalid("TEXT_TOO_LONG", path, f"the text has {len(text)} characters, more than {limit}")
    _check_controls(path, text)


def _check_controls(path: str, text: str) -> None:
    for place, char in enumerate(text):
        if char < " " or "\x7f" <= char <= "\x9f":
            if char in _ALLOWED_CONTROLS:
                continue
            name = unicodedata.name(char, f"U+{ord(char):04X}")
            raise _invalid("CONTROL_CHARACTER", path, f"the text has the control character {name} at {place}")


def _characters(document: ContextDocument) -> int:
    return len(document.title) + len(document.text) + sum(map(len, document.rows_json))


def _invalid(reason: str, path: str, message: str) -> InvalidRequest:
    return InvalidRequest(reason, message, field_violations=[(path, message)])
