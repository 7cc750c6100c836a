"""Runs the model in onnxruntime: passes over slots of one large KV cache, and copies of prefixes. No policy.

The KV cache of all slots is one float32 buffer [slots, kv_heads, capacity, head_dim] for each layer's keys
and values. A pass binds rows of it by pointer, as past and present at once, so that `GroupQueryAttention`
appends in place and nothing is copied. Two kinds of pass exist (CPU's GroupQueryAttention takes several new
tokens behind a past at batch 1 only):

- `append`: tokens of one slot, at least two of them in the kernels: a lone token gets a dummy behind it.
- `decode`: one token for each of neighbouring slots, at least two of them.

Measured on AVX2, onnxruntime 1.32: with two rows or more, MatMulNBits and attention give bit-identical rows
whatever the number of rows and wherever a prompt is cut, and with one row others. Hence the minimum of two,
and with it the same bytes for a request alone, in any batch, with any chunking and with caches on or off. A
dummy's KV entry lies behind the slot's length and is overwritten by the next token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from narrowgauge.errors import DataLoss, FailedPrecondition
from narrowgauge.models import PreparedModel, TokenTable
from specialist_svc.engine.place import State
from specialist_svc.engine.prefix_cache import KvBlock

__all__ = ["KvCopy", "OnnxRunner", "open_session"]


def open_session(model: PreparedModel, *, threads: int, provider: str) -> ort.InferenceSession:
    """Opens the graph.

    Raises:
        FailedPrecondition: The installed onnxruntime lacks the execution provider, or the provider cannot
            run every part of the graph (onnxruntime would run the rest on the CPU without a word).
        DataLoss: onnxruntime cannot read the graph.
    """
    available = ort.get_available_providers()
    if provider not in available:
        raise FailedPrecondition(
            "PROVIDER_MISSING",
            f"this onnxruntime has no {provider} (it has {', '.join(available)}); "
            "install the extra `gpu` for CUDA, or choose another backend",
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin take the cores from the other services of a small machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
    if provider != "CPUExecutionProvider":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        return ort.InferenceSession(str(model.model_path), options, providers=[provider])
    except Exception as exc:  # onnxruntime's own exceptions have no common base
        if provider != "CPUExecutionProvider":
            raise FailedPrecondition(
                "PROVIDER_REFUSED",
                f"{provider} cannot run the whole graph of {model.name} in {model.precision}: {exc}. "
                "Set NARROWGAUGE_PROVIDER=cpu",
            ) from exc
        raise DataLoss("MODEL_UNREADABLE", f"onnxruntime cannot load {model.model_path}: {exc}") from exc


@dataclass(frozen=True)
class KvCopy:
    """Keys and values of some neighbouring positions of a slot.

    Attributes:
        data: float32 [2 * layers, kv_heads, tokens, head_dim].
    """

    data: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(self.data.nbytes)


class OnnxRunner:
    """A model with the KV cache of its slots. Used by one thread at a time.

    Attributes:
        slots: Requests that have a place.
        capacity: Tokens that a slot takes, a dummy's place included.
        passes: Passes run so far.
        table: The head's matrix.
    """

    def __init__(
        self, session: ort.InferenceSession, model: PreparedModel, *, slots: int, slot_tokens: int
    ) -> None:
        config = model.config
        self._session = session
        self.slots = slots
        # A ragged pass has two rows or more, so a lone slot gets a neighbour that nobody uses.
        self.rows = max(2, slots)
        self.capacity = slot_tokens + 1
        self.vocab_size, self._hidden = config.vocab_size, config.hidden
        self.passes = 0
        assert model.head is not None
        self.table = TokenTable(model.weights_path, model.head)
        shape = (self.rows, config.kv_heads, self.capacity, config.head_dim)
        # Zero pages are only touched, and only then taken from the machine, when a slot grows into them.
        self._kv = [np.zeros(shape, np.float32) for _ in range(2 * config.layers)]
        self._names = [f"{layer}.{kind}" for layer in range(config.layers) for kind in ("key", "value")]
        self._bindings: dict[tuple[int, int], ort.IOBinding] = {}

    def append(
        self,
        slot: int,
        length: int,
        tokens: Sequence[int],
        *,
        checked: Sequence[int] = (),
        wide: Sequence[bool] = (),
    ) -> list[State]:
        """See `Runner.append`."""
        ids = np.array([tokens if len(tokens) > 1 else (tokens[0], 0)], np.int64)
        mask = np.ones((1, length + ids.shape[1]), np.int64)
        ends = (checked or (len(tokens),))[: len(wide)]
        return self._run(slot, 1, ids, mask, [(0, end - 1) for end in ends], wide)

    def decode(
        self, first: int, lengths: Sequence[int], tokens: Sequence[int], wide: Sequence[bool]
    ) -> list[State]:
        """See `Runner.decode`."""
        new = np.array(lengths, np.int64) + 1
        mask = (np.arange(int(new.max())) < new[:, None]).astype(np.int64)
        places = [(row, 0) for row in range(len(lengths))]
        return self._run(first, len(lengths), np.array(tokens, np.int64)[:, None], mask, places, wide)

    def copy_out(self, slot: int, begin: int, end: int) -> KvCopy:
        """Copies positions of a slot."""
        return KvCopy(np.stack([kv[slot, :, begin:end] for kv in self._kv]))

    def copy_in(self, slot: int, begin: int, block: KvBlock) -> None:
        """Puts a copy back, into any slot, at the positions that it came from."""
        assert isinstance(block, KvCopy)
        end = begin + block.data.shape[2]
        for kv, part in zip(self._kv, block.data, strict=True):
            kv[slot, :, begin:end] = part

    def close(self) -> None:
        """Frees the KV cache."""
        self._bindings.clear()
        self._kv.clear()

    def _run(
        self,
        first: int,
        rows: int,
        ids: NDArray[np.int64],
        mask: NDArray[np.int64],
        places: Sequence[tuple[int, int]],
        wide: Sequence[bool],
    ) -> list[State]:
        # Two rows or more here as well; what is not wanted twice is computed twice.
        spare = [places[0] if places else (0, 0)] * max(0, 2 - len(places))
        positions = np.array([*places, *spare], np.int64)
        rows_of_head = [place for place, whole in enumerate(wide) if whole]
        chosen = np.array(rows_of_head * 2 if len(rows_of_head) == 1 else rows_of_head, np.int64)
        hidden = np.empty((len(positions), self._hidden), np.float32)
        logits = np.empty((len(chosen), self.vocab_size), np.float32)
        binding = self._binding(first, rows)
        binding.bind_cpu_input("input_ids", ids)
        binding.bind_cpu_input("attention_mask", mask)
        binding.bind_cpu_input("positions", positions)
        binding.bind_cpu_input("logits_rows", chosen)
        for name, output in (("hidden", hidden), ("logits", logits)):
            binding.bind_output(name, "cpu", 0, np.float32, list(output.shape), output.ctypes.data)
        self._session.run_with_iobinding(binding)
        self.passes += 1
        found = dict(zip(rows_of_head, logits, strict=False))
        return [State(hidden[place], found.get(place)) for place in range(len(wide))]

    def _binding(self, first: int, rows: int) -> ort.IOBinding:
        """Returns the binding of neighbouring slots' rows; made once, because it names twice 60 buffers."""
        binding = self._bindings.get((first, rows))
        if binding is None:
            binding = self._session.io_binding()
            for name, kv in zip(self._names, self._kv, strict=True):
                part = kv[first : first + rows]
                place = ("cpu", 0, np.float32, list(part.shape), part.ctypes.data)
                binding.bind_input(f"past_key_values.{name}", *place)
                binding.bind_output(f"present.{name}", *place)
            self._bindings[first, rows] = binding
        return binding
