"""Reads the GGUF container: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

The header is parsed here because `gguf.GGUFReader` makes several numpy views of every vocabulary entry: six
seconds for 49,000 tokens. Dequantisation, the part that is easy to get wrong, is the `gguf` package's.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrowgauge.errors import DataLoss, NotFound, Unsupported
from narrowgauge.models.checkpoint import Float32Array

__all__ = ["GgufFile", "GgufTensor"]

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TRUNCATED_ADVICE = "copy the file again, or reinstall the package it came from"


@dataclass(frozen=True)
class GgufTensor:
    """Where a tensor lies.

    Attributes:
        shape: Row-major: the last number is the length of a row (GGUF stores them reversed).
        ggml_type: Number of the encoding.
        offset: First byte, from the start of the file.
        size_bytes: Encoded length.
    """

    shape: tuple[int, ...]
    ggml_type: int
    offset: int
    size_bytes: int


class GgufFile:
    """A GGUF file, memory-mapped.

    Attributes:
        path: The file.
        metadata: Key to number, string, bool or list.
        tensors: Name to place.
    """

    def __init__(self, path: Path) -> None:
        """Opens a file and checks that every tensor that it announces is there.

        Raises:
            NotFound: No such file.
            DataLoss: Not a GGUF file, or cut short.
            Unsupported: A GGUF version or tensor encoding that cannot be read.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as error:
            raise NotFound("MODEL_FILE_MISSING", f"No model file at {path}.") from error
        except ValueError as error:  # mmap refuses an empty file
            raise DataLoss("MODEL_FILE_TRUNCATED", f"{path} is empty: {_TRUNCATED_ADVICE}.") from error
        self._at = 0
        try:
            self.metadata, self.tensors = self._header()
        except (struct.error, UnicodeDecodeError) as error:
            raise DataLoss(
                "MODEL_FILE_TRUNCATED",
                f"{path} ends or turns to noise inside its GGUF header ({len(self._bytes):,} bytes): "
                f"{_TRUNCATED_ADVICE}.",
            ) from error
        end = max((tensor.offset + tensor.size_bytes for tensor in self.tensors.values()), default=0)
        if end > len(self._bytes):
            raise DataLoss(
                "MODEL_FILE_TRUNCATED",
                f"{path} has {len(self._bytes):,} bytes but its tensors need {end:,}: {_TRUNCATED_ADVICE}.",
                metadata={"expected_bytes": str(end), "actual_bytes": str(len(self._bytes))},
            )

    def place(self, name: str) -> GgufTensor:
        """Finds a tensor.

        Raises:
            DataLoss: The file has no tensor of this name.
        """
        try:
            return self.tensors[name]
        except KeyError as error:
            raise DataLoss("MODEL_TENSOR_MISSING", f"{self.path} has no tensor {name!r}.") from error

    def tensor(self, name: str) -> Float32Array:
        """Dequantises one tensor.

        Raises:
            DataLoss: The file has no tensor of this name.
        """
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        place = self.place(name)
        data = np.frombuffer(self._bytes, np.uint8, place.size_bytes, place.offset)
        kind = GGMLQuantizationType(place.ggml_type)
        if kind == GGMLQuantizationType.F32:
            return data.view("<f4").reshape(place.shape)
        if kind == GGMLQuantizationType.F16:
            return data.view("<f2").reshape(place.shape).astype(np.float32)
        rows = data.reshape(*place.shape[:-1], -1)
        return np.asarray(dequantize(rows, kind), np.float32).reshape(place.shape)

    def _header(self) -> tuple[dict[str, Any], dict[str, GgufTensor]]:
        magic, version = self._bytes[:4], struct.unpack_from("<I", self._bytes, 4)[0]
        if magic != b"GGUF":
            raise DataLoss("MODEL_FILE_NOT_GGUF", f"{self.path} begins with {magic!r}, not with b'GGUF'.")
        if version not in (2, 3):
            raise Unsupported(
                "GGUF_VERSION", f"{self.path} is GGUF version {version}; little-endian 2 and 3 can be read."
            )
        self._at = 8
        tensor_count, key_count = self._take("<QQ")
        metadata: dict[str, Any] = {}
        for _ in range(key_count):
            key = self._string()
            metadata[key] = self._value(self._take("<I")[0])
        found: dict[str, tuple[tuple[int, ...], int, int]] = {}
        for _ in range(tensor_count):
            name = self._string()
            dimensions = self._take("<" + "Q" * self._take("<I")[0])
            kind, offset = self._take("<IQ")
            found[name] = (tuple(reversed(dimensions)), kind, offset)
        alignment = metadata.get("general.alignment", 32)
        start = -(-self._at // alignment) * alignment
        tensors = {
            name: GgufTensor(shape, kind, start + offset, self._size_bytes(name, shape, kind))
            for name, (shape, kind, offset) in found.items()
        }
        return metadata, tensors

    def _size_bytes(self, name: str, shape: tuple[int, ...], kind: int) -> int:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        try:
            block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        except (ValueError, KeyError) as error:
            raise Unsupported(
                "GGML_TYPE", f"Tensor {name!r} of {self.path} has the unknown GGML encoding {kind}."
            ) from error
        count = 1
        for length in shape:
            count *= length
        return count // block * block_bytes

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._bytes, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _string(self) -> str:
        (length,) = self._take("<Q")
        if self._at + length > len(self._bytes):
            raise struct.error("string beyond the end")
        raw = self._bytes[self._at : self._at + length]
        self._at += length
        return raw.decode()

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            item_kind, count = self._take("<IQ")
            if item_kind in _SCALARS:
                return list(self._take(f"<{count}{_SCALARS[item_kind]}"))
            return [self._value(item_kind) for _ in range(count)]
        if kind not in _SCALARS:
            raise DataLoss("MODEL_FILE_NOT_GGUF", f"{self.path} has the unknown metadata type {kind}.")
        return self._take("<" + _SCALARS[kind])[0]
