"""Bounds for values whose contract sets none, so that decoding always ends."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds that apply where a field's own rules set none.

    Attributes:
        string_chars: Most code points of a string.
        bytes_length: Most bytes of a bytes field.
        items: Most items of a list.
        pairs: Most pairs of a map.
        depth: How often a recursive message may contain itself.
        json_depth: Levels of `google.protobuf.Struct`, `Value` and `ListValue`.
        any_types: Full names of the messages that a `google.protobuf.Any` without an `in` rule may hold.
    """

    string_chars: int = 512
    bytes_length: int = 512
    items: int = 32
    pairs: int = 32
    depth: int = 4
    json_depth: int = 3
    any_types: tuple[str, ...] = ()
