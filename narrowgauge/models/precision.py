"""The precisions that a model can be prepared in.

Measured with SmolLM2-135M-Instruct, whose file is 4-bit itself. Agreement: how often the most likely token is
that of the source model, over recorded prompts. Cost: processor time of a decode step on one thread.

| precision | layers | embedding and head | agreement | cost | weights |
|---|---|---|---|---|---|
| `int4` | 4 bits, block offsets | 8 bits | 92 % | 11.7 ms | 107 MB |
| `int4_plain` | 4 bits | 4 bits | 58 % | 10.0 ms | 89 MB |
| `int8` | 8 bits | 8 bits | 92 % | 13.7 ms | 158 MB |
| `fp32` | float32 | float32 | 100 % | | 540 MB |
"""

from __future__ import annotations

from dataclasses import dataclass

from narrowgauge.errors import InvalidRequest

__all__ = ["PRECISIONS", "Precision", "precision_of"]


@dataclass(frozen=True)
class Precision:
    """How a model's matrices are stored.

    Attributes:
        layer_bits: Of the layers' matrices; None is float32.
        table_bits: Of the embedding and the head; None is float32.
        offsets: Whether a 4-bit block's grid may have any shift, at the price of further columns.
    """

    layer_bits: int | None
    table_bits: int | None
    offsets: bool = False


PRECISIONS = {
    "int4": Precision(4, 8, offsets=True),
    "int4_plain": Precision(4, 4),
    "int8": Precision(8, 8),
    "fp32": Precision(None, None),
}


def precision_of(name: str) -> Precision:
    """Finds a precision by its name.

    Raises:
        InvalidRequest: No such precision.
    """
    if name not in PRECISIONS:
        raise InvalidRequest(
            "PRECISION", f"Unknown precision {name!r}: choose one of {', '.join(PRECISIONS)}."
        )
    return PRECISIONS[name]
