"""The variation point of `prepare`: where weights, tokenizer and config come from."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from narrowgauge.models.model_config import ModelConfig

__all__ = ["Checkpoint", "Float32Array", "UInt8Array"]

Float32Array = NDArray[np.float32]
UInt8Array = NDArray[np.uint8]


class Checkpoint(Protocol):
    """A trained Llama-family decoder, read one tensor at a time.

    Tensor names and layouts are those of transformers (`model.layers.0.self_attn.q_proj.weight`, shape
    [out, in], rotary halves side by side), whatever the file calls them.
    """

    @property
    def name(self) -> str:
        """The model's own name, for people."""

    @property
    def licence(self) -> str:
        """SPDX name of the weights' licence as the file states it, empty when it states none."""

    @property
    def config(self) -> ModelConfig:
        """Shape of the network."""

    @property
    def chat_template(self) -> str:
        """Jinja template of the chat form, empty when there is none."""

    def has(self, name: str) -> bool:
        """Tells whether the checkpoint holds this tensor (biases and heads are optional)."""

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns a tensor's shape; raises as `tensor`."""

    def tensor(self, name: str) -> Float32Array:
        """Reads one tensor as float32.

        Raises:
            DataLoss: The tensor is missing or its bytes are not all there.
            Unsupported: Its encoding is none that can be read.
        """

    def tokenizer_json(self) -> str:
        """Returns the tokenizer as the `tokenizers` library serialises it.

        Raises:
            Unsupported: The tokenizer is of a kind that cannot be converted.
        """
