"""Reads and writes the safetensors container: https://github.com/huggingface/safetensors#format.

The package of that name gives bfloat16 to torch only; here a tensor is a view of the mapped file.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models.checkpoint import Float32Array

__all__ = ["SafetensorsFile", "write_safetensors"]

_DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"},
    **{"I8": "|i1", "U8": "|u1", "I32": "<i4", "U32": "<u4"},
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items() if name != "BF16"}
# Larger headers are refused by the reference reader as well.
_MAX_HEADER_BYTES = 100_000_000


class SafetensorsFile:
    """A safetensors file, memory-mapped.

    Attributes:
        path: The file.
        metadata: Free text pairs of the header.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file and checks that all tensors that it announces are there.

        Raises:
            NotFound: No such file.
            DataLoss: Not a safetensors file, or cut short.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            raise NotFound("MODEL_FILE_MISSING", f"No model file at {path}.") from error
        except ValueError as error:  # mmap refuses an empty file
            raise self._damaged("it is empty") from error
        try:
            (length,) = struct.unpack_from("<Q", self._bytes, 0)
            if length > _MAX_HEADER_BYTES or 8 + length > len(self._bytes):
                raise self._damaged(f"its header claims {length:,} bytes of {len(self._bytes):,}")
            header: dict[str, Any] = json.loads(self._bytes[8 : 8 + length])
            self.metadata: dict[str, str] = header.pop("__metadata__", {})
            self._entries: dict[str, tuple[str, tuple[int, ...], int, int]] = {
                name: (entry["dtype"], tuple(entry["shape"]), *entry["data_offsets"])
                for name, entry in header.items()
            }
            end = 8 + length + max((entry[3] for entry in self._entries.values()), default=0)
        except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged("its header cannot be read") from error
        self._start = 8 + length
        if end > len(self._bytes):
            raise self._damaged(f"expected {end:,} bytes, found {len(self._bytes):,}")

    def names(self) -> list[str]:
        """Returns the names of all tensors."""
        return list(self._entries)

    def raw(self, name: str) -> NDArray[Any]:
        """Returns a tensor in its stored type (bfloat16 as uint16), read-only.

        Raises:
            DataLoss: No such tensor, or its size contradicts its shape.
            Unsupported: A type that weights do not have.
        """
        if name not in self._entries:
            raise DataLoss("MODEL_TENSOR_MISSING", f"{self.path} has no tensor {name!r}.")
        kind, shape, start, end = self._entries[name]
        if kind not in _DTYPES:
            raise Unsupported(
                "TENSOR_TYPE",
                f"Tensor {name!r} of {self.path} has the type {kind}; {', '.join(_DTYPES)} can be read.",
            )
        dtype = np.dtype(_DTYPES[kind])
        count = int(np.prod(shape, dtype=np.int64))
        if count * dtype.itemsize != end - start:
            raise self._damaged(
                f"tensor {name!r} has {end - start:,} bytes for shape {list(shape)} of {kind}"
            )
        return np.frombuffer(self._bytes, dtype, count, self._start + start).reshape(shape)

    def tensor(self, name: str) -> Float32Array:
        """Returns a floating-point tensor as float32.

        Raises:
            DataLoss, Unsupported: As `raw`, or a tensor of integers.
        """
        value = self.raw(name)
        kind = self._entries[name][0]
        if kind == "BF16":
            # bfloat16 is the upper half of a float32.
            return (value.astype(np.uint32) << 16).view(np.float32)
        if value.dtype.kind != "f":
            raise Unsupported(
                "TENSOR_TYPE", f"Tensor {name!r} of {self.path} holds integers ({kind}), not weights."
            )
        return value.astype(np.float32, copy=False)

    def _damaged(self, why: str) -> DataLoss:
        return DataLoss("MODEL_FILE_TRUNCATED", f"{self.path} is damaged: {why}. Copy the file again.")


def write_safetensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes float32, float16 and int8 arrays, in the order given.

    Raises:
        KeyError: An array of another type.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, value in tensors.items():
        header[name] = {
            "dtype": _NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [at, at + value.nbytes],
        }
        at += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value).tobytes())
