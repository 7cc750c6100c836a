"""Checks of what clients send, before anything is done with it."""

from __future__ import annotations

import re
from datetime import date

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import dispatcher_pb2, options_pb2
from router_svc.limits import Limits

__all__ = ["check_start", "check_text"]

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters, Unicode's category Cc, but for tab and line breaks, which texts have in good faith."""

Violations = list[tuple[str, str]]


def check_text(text: str, limits: Limits, *, field: str = "text") -> None:
    """Refuses a request's text that is empty, blank, over-long or has control characters.

    Raises:
        InvalidRequest: BAD_TEXT, with the field.
    """
    violations = _text_violations(text, limits, field)
    if violations:
        raise InvalidRequest("BAD_TEXT", f"{field} {violations[0][1]}", field_violations=violations)


def check_start(start: dispatcher_pb2.ChainStart, limits: Limits) -> None:
    """Refuses a start that cannot be meant; names every field that is wrong.

    Raises:
        InvalidRequest: BAD_TEXT when only the text is wrong, else BAD_START.
    """
    check_text(start.text, limits, field="start.text")
    violations: Violations = []
    if start.session_id and not SESSION_ID.fullmatch(start.session_id):
        violations.append(("start.session_id", "must be 1-128 letters, digits, '.', '_' or '-'"))
    violations += _context_violations(start, limits)
    violations += _policy_violations(start.policy)
    if start.HasField("deadline"):
        seconds = start.deadline.ToNanoseconds() / 1e9
        if not 0 < seconds <= limits.deadline_s:
            violations.append(("start.deadline", f"must be more than 0 and at most {limits.deadline_s:g} s"))
    if start.today and not _is_date(start.today):
        violations.append(("start.today", "must be a date as YYYY-MM-DD"))
    if violations:
        message = "; ".join(f"{field} {what}" for field, what in violations)
        raise InvalidRequest("BAD_START", message, field_violations=violations)


def _text_violations(text: str, limits: Limits, field: str) -> Violations:
    if not text:
        return [(field, "is empty")]
    if len(text) > limits.max_text_chars:
        return [(field, f"has {len(text)} characters, the limit is {limits.max_text_chars}")]
    if controls := _control_violations(text, field):
        return controls
    if not text.strip():
        return [(field, "is blank")]
    return []


def _control_violations(text: str, field: str) -> Violations:
    found = CONTROL.search(text)
    if found is None:
        return []
    return [(field, f"has the control character U+{ord(found[0]):04X} at offset {found.start()}")]


def _context_violations(start: dispatcher_pb2.ChainStart, limits: Limits) -> Violations:
    violations: Violations = []
    if len(start.context) > limits.max_context_documents:
        what = f"has {len(start.context)} documents, the limit is {limits.max_context_documents}"
        violations.append(("start.context", what))
    chars = sum(len(d.title) + len(d.text) + sum(map(len, d.rows_json)) for d in start.context)
    if chars > limits.max_context_chars:
        what = f"has {chars} characters, the limit is {limits.max_context_chars}"
        violations.append(("start.context", what))
        return violations
    for index, document in enumerate(start.context):
        violations += _control_violations(document.title, f"start.context[{index}].title")
        violations += _control_violations(document.text, f"start.context[{index}].text")
    return violations


def _policy_violations(policy: dispatcher_pb2.ChainPolicy) -> Violations:
    violations: Violations = []
    known = set(options_pb2.SideEffect.values()) - {options_pb2.SIDE_EFFECT_UNSPECIFIED}
    if not known.issuperset(policy.auto_approve):
        violations.append(("start.policy.auto_approve", "names a side effect that there is not"))
    if policy.max_fan_out < 0:
        violations.append(("start.policy.max_fan_out", "must not be negative"))
    return violations


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
