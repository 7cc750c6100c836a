"""Runs a prepared graph for the tests: growing caches, no binding, one thread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray


class Decoder:
    """A session with the caches of one batch.

    Attributes:
        session: The graph.
        cache: Past keys and values by input name, [batch, kv_heads, capacity, head_dim].
        lengths: Tokens in the cache, by row.
        hidden: What the head read in the last step, [batch * positions, hidden].
    """

    def __init__(self, folder: Path, batch: int = 1, capacity: int = 128) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        # Several suites share the machine: a spinning thread would take a core from another.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.reset(batch, capacity)

    def reset(self, batch: int = 1, capacity: int = 128) -> None:
        """Forgets everything and allocates caches anew."""
        self.cache = {
            value.name: ort.OrtValue.ortvalue_from_numpy(
                np.zeros((batch, value.shape[1], capacity, value.shape[3]), np.float32)
            )
            for value in self.session.get_inputs()
            if value.name.startswith("past_key_values.")
        }
        self.lengths = np.zeros(batch, np.int64)
        self.hidden = np.empty((0, 0), np.float32)

    def step(
        self,
        ids: list[list[int]],
        positions: list[list[int]] | None = None,
        valid: list[int] | None = None,
    ) -> NDArray[np.float32]:
        """Appends tokens and returns logits [batch, positions, vocab]; all positions by default.

        Args:
            ids: New tokens, rows of one length.
            positions: Columns whose logits are wanted, for each row or one list for all; negative ones count
                back.
            valid: How many tokens of each row count; the rest is right padding.
        """
        tokens = np.array(ids, np.int64)
        self.lengths = self.lengths + (tokens.shape[1] if valid is None else np.array(valid, np.int64))
        mask = np.arange(self.lengths.max())[None, :] < self.lengths[:, None]
        binding = self.session.io_binding()
        binding.bind_cpu_input("input_ids", tokens)
        binding.bind_cpu_input("attention_mask", mask.astype(np.int64))
        wanted = positions if positions is not None else [list(range(tokens.shape[1]))]
        columns = np.broadcast_to(np.array(wanted, np.int64), (len(ids), len(wanted[0]))) % tokens.shape[1]
        places = np.stack([np.indices(columns.shape)[0], columns], axis=-1).reshape(-1, 2)
        binding.bind_cpu_input("positions", places)
        binding.bind_cpu_input("logits_rows", np.arange(len(places)))
        for name, value in self.cache.items():
            binding.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_output(name.replace("past_key_values", "present"), value)
        binding.bind_output("hidden", "cpu")
        binding.bind_output("logits", "cpu")
        self.session.run_with_iobinding(binding)
        names = [output.name for output in self.session.get_outputs()]
        bound = [*(name.replace("past_key_values", "present") for name in self.cache), "hidden", "logits"]
        assert set(names) == set(bound)
        self.hidden = binding.get_outputs()[bound.index("hidden")].numpy()
        logits: NDArray[np.float32] = binding.get_outputs()[bound.index("logits")].numpy()
        return logits.reshape(*columns.shape, -1)
