"""The llama.cpp backend: our mask and an adapter reach its logits, and what it cannot load is said."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from backend_cases import Backends
from numpy.typing import NDArray
from tiny_gguf import write_tiny_gguf
from tiny_model import HIDDEN

from narrowgauge.errors import DataLoss, FailedPrecondition, InternalError
from narrowgauge.models import PreparedModel, load_prepared, prepare, write_adapter
from specialist_svc.engine.backend import DecodeRequest
from specialist_svc.engine.llama_server import LlamaServer
from specialist_svc.engine.llamacpp import LlamaCppBackend, LlamaCppOptions
from specialist_svc.engine.onnx_runner import OnnxRunner, open_session

pytest.importorskip("xllamacpp")

PROMPT = (1, 4093, 198, 3725, 42, 28, 732)
VOCABULARY = 49152


def server_of(model: PreparedModel) -> LlamaServer:
    adapter = model.gguf_adapter_path if model.adapter_sha256 else None
    return LlamaServer(model.gguf_path, adapter, slots=1, slot_tokens=256, threads=1)


@pytest.fixture
def server(tiny_gguf: Path) -> Iterator[LlamaServer]:
    running = server_of(load_prepared(tiny_gguf))
    yield running
    running.close()


def mask_of(tokens: Sequence[int]) -> NDArray[np.int32]:
    allowed = np.zeros(VOCABULARY, bool)
    allowed[list(tokens)] = True
    return np.packbits(allowed, bitorder="little").view(np.int32)


def onnx_logits(folder: Path) -> NDArray[np.float32]:
    """Logits of the same weights in onnxruntime, in float32."""
    model = load_prepared(folder)
    runner = OnnxRunner(
        open_session(model, threads=1, provider="CPUExecutionProvider"), model, slots=1, slot_tokens=64
    )
    (state,) = runner.append(0, 0, PROMPT, wide=(True,))
    assert state.logits is not None
    return state.logits.copy()


def order_of(server: LlamaServer, among: Sequence[int]) -> list[int]:
    """Tokens from the most likely to the least likely one, by masking out each that was chosen."""
    left, found = list(among), []
    while left:
        found.append(server.choose(0, PROMPT, mask_of(left)))
        left.remove(found[-1])
    return found


@pytest.mark.parametrize("count", [1, 5, 400, 3000, 40_000])
def test_the_mask_chooses_the_most_likely_allowed_token(
    server: LlamaServer, tmp_path: Path, count: int
) -> None:
    """Whether few or most tokens are allowed, the one with the highest logit among them is taken."""
    source = write_tiny_gguf(tmp_path / "tiny.gguf")
    logits = onnx_logits(prepare(source, tmp_path / "prepared", precision="fp32"))
    random = np.random.default_rng(count)
    for _ in range(3):
        allowed = random.choice(VOCABULARY, count, replace=False)
        chosen = server.choose(0, PROMPT, mask_of(allowed.tolist()))
        assert chosen in allowed
        # llama.cpp keeps its KV cache in float16, so two that are all but equal may change places.
        assert logits[chosen] >= logits[allowed].max() - 0.02


def test_an_empty_mask_is_an_error(server: LlamaServer) -> None:
    """A constraint that allows nothing never lets a token through."""
    with pytest.raises(InternalError) as caught:
        server.choose(0, PROMPT, mask_of([]))
    assert caught.value.reason == "CONSTRAINT_EMPTY"


def test_tokens_that_end_within_a_character_can_be_chosen(tiny_gguf: Path, server: LlamaServer) -> None:
    """A byte of a longer character is a token as any other: text with such characters is written whole."""
    backend = LlamaCppBackend(load_prepared(tiny_gguf), LlamaCppOptions(slots=1, slot_tokens=128))
    try:
        request = DecodeRequest(("say\n",), 'start: "<" ("🦜" | "🦉" | "𝄞") ">" ', 60)
        assert backend.submit(request).future.result(60).written.text[1:-1] in ("🦜", "🦉", "𝄞")
    finally:
        backend.close()


def test_an_adapter_is_applied(tmp_path: Path) -> None:
    """With the adapter llama.cpp orders tokens as onnxruntime does with it, and otherwise than without."""
    source = write_tiny_gguf(tmp_path / "tiny.gguf")
    random = np.random.default_rng(5)
    changed = {
        f"model.layers.{layer}.self_attn.{part}_proj": (
            random.standard_normal((4, HIDDEN)),
            random.standard_normal((rows, 4)) / 4,
        )
        for layer, (part, rows) in itertools.product((0, 1), (("q", HIDDEN), ("k", HIDDEN // 2), ("v", 32)))
    }
    write_adapter(tmp_path / "adapter", base="tiny", rank=4, alpha=8, matrices=changed)
    folders = [
        prepare(source, tmp_path / "prepared", adapter=tmp_path / "adapter", precision=precision)
        for precision in ("fp32", "gguf")
    ]
    with_adapter = onnx_logits(folders[0])
    without = onnx_logits(prepare(source, tmp_path / "prepared", precision="fp32"))
    # Tokens that are far apart in both, so that rounding cannot turn the order.
    ranks = np.argsort(-with_adapter)[[0, 400, 4000, 20_000, 45_000]].tolist()
    server = server_of(load_prepared(folders[1]))
    try:
        assert order_of(server, ranks) == ranks
    finally:
        server.close()
    assert np.abs(with_adapter - without).max() > 1


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """What llama.cpp cannot load is a typed error with the file's name."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and then nothing")
    with pytest.raises(DataLoss, match=r"broken\.gguf"):
        LlamaServer(path, None, slots=1, slot_tokens=64, threads=1)


@pytest.mark.parametrize(("backend", "other"), [("llamacpp", "onnxruntime"), ("onnxruntime", "llamacpp")])
def test_a_model_of_the_other_backend_is_refused(backends: Backends, backend: str, other: str) -> None:
    """A folder that was prepared for another backend is an error with the command that prepares it."""
    with (
        pytest.raises(FailedPrecondition, match="narrowgauge prepare") as caught,
        backends.specialist(backend, model=backends.models[other]),
    ):
        pass
    assert caught.value.reason == "MODEL_PRECISION"


def test_the_missing_extra_is_said(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xllamacpp the error has the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)
    with pytest.raises(FailedPrecondition, match=r"narrowgauge\[llamacpp\]"):
        server_of(load_prepared(tiny_gguf))
