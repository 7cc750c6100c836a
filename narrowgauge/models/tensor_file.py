"""The file beside a graph that holds its weights, so that onnxruntime maps them instead of copying them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from onnx import StringStringEntryProto, TensorProto, helper

__all__ = ["TensorFile"]

# A mapping begins at a page; an offset inside one would make onnxruntime copy.
_ALIGNMENT = 4096
# Smaller tensors stay inside the graph: shape inference and constant folding want to see them.
_INLINE_BYTES = 1024


class TensorFile:
    """Writes tensors one after another as ONNX external data. A context manager.

    Attributes:
        path: The file; tensors refer to it by its name, relative to the graph.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._places: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, array: NDArray[np.generic], *, inline: bool = True) -> TensorProto:
        """Writes an array and returns the initializer that refers to it.

        Args:
            name: Of the initializer.
            array: Any.
            inline: Whether a small one may stand in the graph itself.
        """
        array = np.ascontiguousarray(array)
        if inline and array.nbytes < _INLINE_BYTES:
            return helper.make_tensor(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.tobytes(), raw=True
            )
        start = -(-self._file.tell() // _ALIGNMENT) * _ALIGNMENT
        self._file.seek(start)
        self._file.write(array.data)
        self._places[name] = (start, array.nbytes)
        return self.alias(name, name, array.shape, helper.np_dtype_to_tensor_dtype(array.dtype))

    def start(self, name: str) -> int:
        """Returns the byte at which a tensor begins that was written, and not inline."""
        return self._places[name][0]

    def alias(self, name: str, of: str, shape: tuple[int, ...], data_type: int) -> TensorProto:
        """Returns an initializer over the bytes of a tensor that was written, under another shape."""
        start, length = self._places[of]
        tensor = TensorProto(name=name, data_type=data_type, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.path.name), ("offset", start), ("length", length)):
            tensor.external_data.append(StringStringEntryProto(key=key, value=str(value)))
        return tensor
