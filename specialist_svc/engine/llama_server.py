"""llama.cpp in this process, one token at a time: prompts as tokens, and our mask on its logits.

The binding (xllamacpp) shows llama.cpp's server with its slots, prompt cache and batching, and no logits. So
each token is a request of its own for one token behind the prompt so far, of which everything but the last
tokens is in the slot's KV cache; requests of several slots that come together share a pass. The mask is
applied in one of two ways, both exact for greedy decoding:

- Where many tokens are allowed, the most likely ones are asked for with their probabilities before any
  sampling, and the first allowed one is taken.
- Where few are allowed, or none of the most likely ones, the allowed ones get the same bonus on their logits,
  which keeps their order and lifts them above all others.

Measured with SmolLM2-135M: 1 to 2 ms a token beside the pass.

llama.cpp opens a server socket in any case: a Unix socket in a folder of this user alone, behind a key that
nobody knows.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrowgauge.errors import DataLoss, FailedPrecondition, InternalError

__all__ = ["LlamaServer"]

_RANKED = 32
_FEW = 512
# Logits differ by less than 100, and float32 still tells their hundredths of thousandths apart.
_BONUS = 100.0
_QUIET = -1
_SHOW_TOKEN = {"return_tokens": True, "verbose": True, "response_fields": ["tokens"]}


class LlamaServer:
    """A model in llama.cpp. Safe to use from several threads, each with a slot of its own."""

    def __init__(
        self, model: Path, adapter: Path | None, *, slots: int, slot_tokens: int, threads: int
    ) -> None:
        """Loads the model.

        Args:
            model: A GGUF file.
            adapter: GGUF file of a low-rank adapter, or None.
            slots: Prompts that are held at once.
            slot_tokens: Tokens that each of them may have.
            threads: Threads of the kernels.

        Raises:
            FailedPrecondition: xllamacpp is not installed.
            DataLoss: llama.cpp cannot load model or adapter.
        """
        try:
            import xllamacpp
        except ImportError as exc:
            raise FailedPrecondition(
                "LLAMACPP_MISSING",
                "the backend llamacpp needs the extra: pip install 'narrowgauge[llamacpp]', or choose "
                "another backend",
            ) from exc
        # The socket's path may have 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="llamacpp-"))
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        if adapter is not None:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        params.n_parallel = slots
        params.n_ctx = slots * slot_tokens
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_gpu_layers = 0
        params.kv_unified = False  # each slot has its own tokens, whatever the others need
        params.ctx_shift = False
        params.cache_ram_mib = 0  # prompts are kept in slots alone, so that memory is bounded
        params.cache_idle_slots = False
        params.warmup = False
        params.verbosity = _QUIET
        params.offline = True
        params.ui = params.endpoint_slots = params.endpoint_props = False
        params.n_threads_http = 1
        params.hostnames = [str(self._folder / "llama.sock")]
        params.api_keys = [secrets.token_urlsafe(32)]
        try:
            self._server: Any = xllamacpp.Server(params)
        except Exception as exc:  # the binding has no exceptions of its own
            shutil.rmtree(self._folder, ignore_errors=True)
            files = f"{model} with {adapter}" if adapter is not None else str(model)
            raise DataLoss("MODEL_UNREADABLE", f"llama.cpp cannot load {files}: {exc}") from exc

    def read(self, slot: int, tokens: Sequence[int]) -> None:
        """Makes a slot hold these tokens; those that it holds already are not read again."""
        self._complete(slot, tokens, n_predict=0)

    def choose(self, slot: int, tokens: Sequence[int], mask: NDArray[np.int32]) -> int:
        """Returns the most likely allowed token behind these tokens, which the slot then holds.

        Args:
            slot: The slot.
            tokens: The whole text so far.
            mask: int32 [words], one bit a token, least significant bit first.

        Raises:
            InternalError: Nothing is allowed, or llama.cpp failed.
        """
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
        if not len(allowed):
            raise InternalError(
                "CONSTRAINT_EMPTY", "the constraint allows no token where a call is unfinished"
            )
        if len(allowed) > _FEW:
            for token in self._ranked(slot, tokens, _RANKED):
                if mask[token >> 5] >> (token & 31) & 1:
                    return token
        lifted = [[token, _BONUS] for token in allowed.tolist()]
        token = self._ranked(slot, tokens, 1, logit_bias=lifted)[0]
        if not mask[token >> 5] >> (token & 31) & 1:
            raise InternalError("MASK_FAILED", "llama.cpp chose a token that the constraint does not allow")
        return token

    def close(self) -> None:
        """Frees the model; nothing may be under way. May be called again."""
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ranked(self, slot: int, tokens: Sequence[int], count: int, **options: object) -> list[int]:
        """The chosen token, and after it the others of the `count` most likely ones."""
        answer = self._complete(slot, tokens, n_predict=1, n_probs=count, **_SHOW_TOKEN, **options)
        # There are no probabilities beside a token that ends within a character.
        shown = (answer["choices"][0]["logprobs"] or {}).get("content") or [{"top_logprobs": ()}]
        return [
            int(answer["__verbose"]["tokens"][0]),
            *(int(other["id"]) for other in shown[0]["top_logprobs"]),
        ]

    def _complete(self, slot: int, tokens: Sequence[int], **options: object) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._server.handle_completions(
            {
                "prompt": list(tokens),
                "id_slot": slot,
                "cache_prompt": True,
                "temperature": 0,
                "samplers": ["top_k"],
                "top_k": 1,
                **options,
            }
        )
        if "error" in answer:
            raise InternalError("LLAMACPP_FAILED", f"llama.cpp failed: {answer['error'].get('message')}")
        return answer
