"""Salesforce's errors as ours: the code says what the caller can do, the message stays Salesforce's own."""

from __future__ import annotations

import json
from typing import Any

from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

from narrowgauge.errors import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidRequest,
    NarrowgaugeError,
    NotAllowed,
    NotFound,
    Overloaded,
    Unavailable,
)

__all__ = ["error_of"]

# Where the HTTP status alone would mislead. Everything else that is 4xx is the caller's to change.
_BY_CODE: dict[str, type[NarrowgaugeError]] = {
    "API_CURRENTLY_DISABLED": NotAllowed,
    "API_DISABLED_FOR_ORG": NotAllowed,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": NotAllowed,
    "DELETE_FAILED": FailedPrecondition,
    "DEPENDENCY_EXISTS": FailedPrecondition,
    "DUPLICATES_DETECTED": AlreadyExists,
    "DUPLICATE_EXTERNAL_ID": AlreadyExists,
    "DUPLICATE_VALUE": AlreadyExists,
    "ENTITY_IS_DELETED": NotFound,
    "ENTITY_IS_LOCKED": FailedPrecondition,
    "INSUFFICIENT_ACCESS": NotAllowed,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": NotAllowed,
    "INSUFFICIENT_ACCESS_OR_READONLY": NotAllowed,
    "INVALID_LOGIN": NotAllowed,
    "INVALID_SESSION_ID": NotAllowed,
    "NOT_FOUND": NotFound,
    "QUERY_TIMEOUT": DeadlineExceeded,
    "SERVER_UNAVAILABLE": Unavailable,
    "STORAGE_LIMIT_EXCEEDED": FailedPrecondition,
    "UNABLE_TO_LOCK_ROW": Unavailable,
}
_BY_STATUS: dict[int, type[NarrowgaugeError]] = {401: NotAllowed, 403: NotAllowed, 404: NotFound}
_LIMIT_RETRY_MS = 60_000


def error_of(failure: SalesforceError) -> NarrowgaugeError:
    """Returns the error that a refused call stands for.

    Its reason is Salesforce's `errorCode`; its metadata has `errorCode`, `fields` (comma-separated) and the
    HTTP `status`.
    """
    if isinstance(failure, SalesforceAuthenticationFailed):
        reason = str(failure.code or "INVALID_LOGIN").rpartition(":")[2]
        return NotAllowed(reason, failure.auth_message or "Salesforce refused the login")
    entries = _entries(failure)
    if failure.status == 300:
        message = "the external id names more than one record"
        return FailedPrecondition("DUPLICATE_EXTERNAL_ID", message, metadata={"status": "300"})
    if not entries:
        return Unavailable(
            "BAD_ANSWER",
            f"Salesforce answered with HTTP status {failure.status} and no error of its own",
            metadata={"status": str(failure.status)},
        )
    code = str(entries[0].get("errorCode", "UNKNOWN_EXCEPTION"))
    message = "; ".join(str(entry.get("message", "")).strip() for entry in entries)
    fields = [str(name) for entry in entries for name in entry.get("fields") or ()]
    metadata = {"errorCode": code, "status": str(failure.status)}
    if fields:
        metadata["fields"] = ",".join(fields)
    if code == "REQUEST_LIMIT_EXCEEDED":
        return Overloaded(code, message, retry_after_ms=_LIMIT_RETRY_MS, metadata=metadata)
    fallback = Unavailable if failure.status >= 500 else InvalidRequest
    kind = _BY_CODE.get(code) or _BY_STATUS.get(failure.status, fallback)
    if kind is InvalidRequest:
        violations = [(name, message) for name in fields]
        return InvalidRequest(code, message, field_violations=violations, metadata=metadata)
    return kind(code, message, metadata=metadata)


def _entries(failure: SalesforceError) -> list[dict[str, Any]]:
    content = failure.content
    try:
        # simple-salesforce has parsed the body already where it was JSON.
        body = json.loads(content) if isinstance(content, bytes | str) else content
    except ValueError:
        return []
    if isinstance(body, dict):
        body = [body]
    return [entry for entry in body if isinstance(entry, dict)] if isinstance(body, list) else []
