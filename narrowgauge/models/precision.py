"""The precisions that a model can be prepared in."""

from __future__ import annotations

from typing import Literal, get_args

from narrowgauge.errors import InvalidRequest

__all__ = ["Precision", "precision_bits"]

Precision = Literal["int4", "int4h8", "int8", "fp32"]
# Bits of the layers' matrices, and of the embedding with the head; None is float32.
_BITS: dict[str, tuple[int | None, int | None]] = {
    "int4": (4, 4),
    "int4h8": (4, 8),
    "int8": (8, 8),
    "fp32": (None, None),
}


def precision_bits(precision: str) -> tuple[int | None, int | None]:
    """Returns the bits of the layers' matrices, and of embedding and head; None is float32.

    Raises:
        InvalidRequest: No such precision.
    """
    if precision not in _BITS:
        raise InvalidRequest(
            "PRECISION", f"Unknown precision {precision!r}: choose one of {', '.join(get_args(Precision))}."
        )
    return _BITS[precision]
