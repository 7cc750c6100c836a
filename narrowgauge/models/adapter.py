"""A low-rank adapter (LoRA, https://arxiv.org/abs/2106.09685) in a folder, as fine-tuning leaves it.

```
adapter.json          {"base": "SmolLM2-135M-Instruct", "rank": 16, "alpha": 32, "targets": ["q_proj", ...],
                       "added": [{"rank": 4, "alpha": 8}]}
adapter.safetensors   per adapted matrix `model.layers.0.self_attn.q_proj`:
                      `<matrix>.lora_A` [rank, in], `<matrix>.lora_B` [out, rank]: float32, float16 or int8;
                      int8 comes with a float16 `<matrix>.lora_A.scale`: [rows], one scale a row, or
                      [1, columns], one a column
added-1.safetensors   the same for the first of the parts that were trained later, with all before it in place
```

A part that is added leaves the file before it as it is, so that a later training costs version control and
images no more than the new part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import DataLoss, FailedPrecondition, NotFound
from narrowgauge.models.checkpoint import Checkpoint, Float32Array
from narrowgauge.models.prepared import sha256_of_file
from narrowgauge.models.safetensors_file import SafetensorsFile, write_safetensors

__all__ = ["Adapter", "Part", "add_part", "write_adapter"]

_CONFIG, _WEIGHTS = "adapter.json", "adapter.safetensors"


@dataclass(frozen=True)
class Part:
    """A low-rank change of an adapter.

    Attributes:
        rank: Width of the low-rank product.
        alpha: The product is scaled by `alpha / rank`.
        file: The matrices.
    """

    rank: int
    alpha: float
    file: SafetensorsFile

    def low_rank(self, matrix: str) -> tuple[Float32Array, Float32Array]:
        """Returns A [rank, in] and B [out, rank], B scaled by `alpha / rank`."""
        down, up = self._read(f"{matrix}.lora_A"), self._read(f"{matrix}.lora_B")
        return down, up * np.float32(self.alpha / self.rank)

    def _read(self, name: str) -> Float32Array:
        raw = self.file.raw(name)
        if raw.dtype == np.int8:
            scale = self.file.tensor(f"{name}.scale")
            return raw.astype(np.float32) * (scale[:, None] if scale.ndim == 1 else scale)
        return self.file.tensor(name)


@dataclass(frozen=True)
class Adapter:
    """An adapter, read but not applied.

    Attributes:
        folder: Where it was read from.
        base: Name of the model that it was trained for.
        parts: The changes, which add up.
        sha256: Over all files.
    """

    folder: Path
    base: str
    parts: tuple[Part, ...]
    sha256: str

    @staticmethod
    def load(folder: Path) -> Adapter:
        """Reads an adapter folder.

        Raises:
            NotFound: A file is missing.
            DataLoss: A file is damaged, or a part changes other matrices than the first one.
        """
        config_path = folder / _CONFIG
        if not config_path.is_file():
            raise NotFound("ADAPTER_MISSING", f"No adapter in {folder} ({_CONFIG} is missing).")
        try:
            config = json.loads(config_path.read_bytes())
            base = str(config["base"])
            sizes = [(int(part["rank"]), float(part["alpha"])) for part in (config, *config.get("added", ()))]
        except (ValueError, KeyError, TypeError) as error:
            raise DataLoss("ADAPTER_DAMAGED", f"{config_path} cannot be read: {error!r}.") from error
        files = [SafetensorsFile(folder / _weights(number)) for number in range(len(sizes))]
        parts = tuple(Part(*size, file) for size, file in zip(sizes, files, strict=True))
        if any(set(file.names()) != set(files[0].names()) for file in files):
            raise DataLoss("ADAPTER_DAMAGED", f"The parts of {folder} change different matrices.")
        digests = [sha256_of_file(path) for path in (config_path, *(file.path for file in files))]
        return Adapter(folder, base, parts, hashlib.sha256(" ".join(digests).encode()).hexdigest())

    @property
    def rank(self) -> int:
        """Width of the low-rank product of all parts."""
        return sum(part.rank for part in self.parts)

    @cached_property
    def matrices(self) -> frozenset[str]:
        """Names of the adapted matrices, without `.weight`."""
        return frozenset(
            name.removesuffix(".lora_A") for name in self.parts[0].file.names() if name.endswith(".lora_A")
        )

    def check(self, checkpoint: Checkpoint) -> None:
        """Makes sure that the adapter belongs to a model of this shape.

        Raises:
            FailedPrecondition: The adapter changes matrices that the checkpoint lacks or has in other shapes.
        """
        advice = "Prepare it with the model that it was trained for."
        subject = f"The adapter {self.folder}, trained for {self.base!r},"
        for matrix in sorted(self.matrices):
            if not checkpoint.has(f"{matrix}.weight"):
                raise FailedPrecondition(
                    "ADAPTER_BASE", f"{subject} changes {matrix!r}, which {checkpoint.name!r} lacks. {advice}"
                )
            wanted = checkpoint.shape(f"{matrix}.weight")
            for part in self.parts:
                down, up = part.file.raw(f"{matrix}.lora_A").shape, part.file.raw(f"{matrix}.lora_B").shape
                if (*up, *down) != (wanted[0], part.rank, part.rank, wanted[1]):
                    raise FailedPrecondition(
                        "ADAPTER_BASE",
                        f"{subject} has {list(up)} x {list(down)} of rank {part.rank} for {matrix!r}, which "
                        f"is {list(wanted)} in {checkpoint.name!r}. {advice}",
                    )

    def low_rank(self, matrix: str) -> tuple[Float32Array, Float32Array]:
        """Returns A [rank, in] and B [out, rank] of all parts together: the change is `B @ A`.

        Raises:
            DataLoss: A file lacks a part of it.
        """
        downs, ups = zip(*(part.low_rank(matrix) for part in self.parts), strict=True)
        return np.concatenate(downs, axis=0), np.concatenate(ups, axis=1)


def write_adapter(
    folder: Path,
    *,
    base: str,
    rank: int,
    alpha: float,
    matrices: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    bits: int = 16,
) -> None:
    """Writes an adapter folder.

    Args:
        folder: Made when missing.
        base: Name of the model that it was trained for.
        rank: Width of the low-rank product.
        alpha: Scale of the product, times `rank`.
        matrices: Name of the adapted matrix without `.weight` to A [rank, in] and B [out, rank].
        bits: 16 stores float16; 3 to 8 store codes of so many bits in int8, with one scale for each of the
            `rank` rows of A and columns of B. Fewer of them make a file that compresses better, as version
            control and images do: 5 bits to half of 8. Of the change to a weight 5 bits lose 8 %, less than
            int4 then loses of the weight.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = sorted({matrix.rsplit(".", 1)[-1] for matrix in matrices})
    config = {"base": base, "rank": rank, "alpha": alpha, "targets": targets}
    _write_config(folder, config)
    _write_part(folder / _weights(0), matrices, bits)


def add_part(
    folder: Path,
    *,
    rank: int,
    alpha: float,
    matrices: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    bits: int = 16,
) -> None:
    """Adds a part to an adapter folder, trained with those before it in place.

    Args:
        folder: Of an adapter that changes the same matrices.
        rank: Width of the part's low-rank product.
        alpha: Scale of the product, times `rank`.
        matrices: As in `write_adapter`.
        bits: As in `write_adapter`.

    Raises:
        NotFound, DataLoss: There is no adapter, or it is damaged.
    """
    known = Adapter.load(folder)
    if known.matrices != matrices.keys():
        raise ValueError("the part changes other matrices than the adapter")
    config = json.loads((folder / _CONFIG).read_bytes())
    config["added"] = [*config.get("added", ()), {"rank": rank, "alpha": alpha}]
    # The matrices first: a folder whose configuration names a file that is not there cannot be read.
    _write_part(folder / _weights(len(known.parts)), matrices, bits)
    _write_config(folder, config)


def _weights(number: int) -> str:
    """Name of a part's file."""
    return f"added-{number}.safetensors" if number else _WEIGHTS


def _write_config(folder: Path, config: Mapping[str, object]) -> None:
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def _write_part(path: Path, matrices: Mapping[str, tuple[NDArray[Any], NDArray[Any]]], bits: int) -> None:
    most = 2 ** (bits - 1) - 1
    tensors: dict[str, NDArray[Any]] = {}
    for matrix, pair in sorted(matrices.items()):
        for part, value in zip(("lora_A", "lora_B"), pair, strict=True):
            name = f"{matrix}.{part}"
            if bits == 16:
                tensors[name] = value.astype(np.float16)
                continue
            # float16 first: the codes must fit the scale that the reader will see.
            long_axis = 1 if part == "lora_A" else 0
            widest = np.abs(value).max(axis=long_axis, keepdims=True)
            scale = np.maximum(widest / most, 1e-7).astype(np.float16)
            tensors[name] = np.clip(np.rint(value / scale.astype(np.float32)), -most, most).astype(np.int8)
            tensors[f"{name}.scale"] = scale[:, 0] if part == "lora_A" else scale
    # Like beside like, since each has its own distribution of codes: a tenth smaller when compressed.
    ordered = sorted(tensors, key=lambda name: (name.partition(".lora_")[2], name))
    write_safetensors(path, {name: tensors[name] for name in ordered})
