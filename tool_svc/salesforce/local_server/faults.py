"""Errors in Salesforce's own shape: an HTTP status and `[{"message", "errorCode", "fields"}]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Fault", "at"]

# Salesforce shows the part of a query around the place of an error, not all of it.
_CONTEXT_CHARS = 60


class Fault(Exception):
    """A request that the organisation refuses.

    Attributes:
        status: HTTP status.
        error_code: Salesforce's word for programs.
        message: Salesforce's sentence.
        fields: Names of the fields at fault; None where Salesforce sends none.
    """

    def __init__(
        self, status: int, error_code: str, message: str, fields: Sequence[str] | None = None
    ) -> None:
        super().__init__(f"{error_code}: {message}")
        self.status = status
        self.error_code = error_code
        self.message = message
        self.fields = None if fields is None else list(fields)

    def body(self) -> list[dict[str, Any]]:
        """Returns the response's JSON."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.error_code}
        if self.fields is not None:
            entry["fields"] = self.fields
        return [entry]


def at(soql: str, position: int, error_code: str, complaint: str) -> Fault:
    """Returns a query's fault that points at its place, worded as Salesforce words it.

    Args:
        soql: The query.
        position: Offset in it.
        error_code: Salesforce's word for programs.
        complaint: What is wrong.
    """
    row = soql.count("\n", 0, position) + 1
    column = position - (soql.rfind("\n", 0, position) + 1) + 1
    flat = soql.replace("\n", " ")
    begin = max(0, position - _CONTEXT_CHARS)
    shown = flat[begin : position + _CONTEXT_CHARS]
    caret = " " * (position - begin) + "^"
    message = f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column}\n{complaint}"
    return Fault(400, error_code, message)
