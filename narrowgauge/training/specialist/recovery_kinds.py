"""Kinds of errors that a specialist's call can meet: which can be repaired, and which training never sees."""

from __future__ import annotations

__all__ = ["DEV_KINDS", "FINAL_KINDS", "is_dev", "is_repairable"]

DEV_KINDS = frozenset(
    (
        # SQL
        *("nested_aggregate", "ambiguous_column", "value_type", "unknown_table_asked", "timeout"),
        # Salesforce
        *("read_only_field", "unknown_relationship", "number_out_of_range", "record_kept", "limit_reached"),
    )
)
"""Kinds kept back for evaluation: no training example has an error of them."""

FINAL_KINDS = frozenset(
    (
        *("unknown_table_asked", "unknown_column_asked", "permission", "locked", "timeout"),
        *("record_deleted", "record_missing", "reference_missing", "record_kept", "no_access"),
        *("record_locked", "limit_reached", "session_ended", "object_not_writable"),
    )
)
"""Kinds that no other call helps against: the specialist says so."""


def is_dev(kind: str) -> bool:
    """Whether a kind is kept back for evaluation."""
    return kind in DEV_KINDS


def is_repairable(kind: str) -> bool:
    """Whether another call can do what was asked."""
    return kind not in FINAL_KINDS
