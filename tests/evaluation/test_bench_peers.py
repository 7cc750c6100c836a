"""Peers: the same contract, the same weights, and a clear word when one is not installed."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import llguidance
import numpy as np
import pytest
from tiny_model import tiny_config, tiny_weights, write_checkpoint

from narrowgauge.bench.peers import PEERS, peer_of
from narrowgauge.bench.peers.gguf_weights import requantised
from narrowgauge.bench.peers.hf_weights import hf_folder
from narrowgauge.bench.worker import Answer, run_load
from narrowgauge.bench.workload import (
    JSON_SCHEMA,
    SPECIALIST,
    Call,
    Workload,
    order_bundle,
    order_requests,
    order_workload,
)
from narrowgauge.cli.bench.comparison import matched_ms, rotated
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import FailedPrecondition, NotFound, Unsupported
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """The calls that engines are compared on."""
    return order_workload(order_bundle(tmp_path_factory.mktemp("bench") / "bundle"), "chatml")


def orders(count: int) -> list[str]:
    """Calls of the contract, in canonical form."""
    rng = random.Random(3)
    properties = JSON_SCHEMA["properties"]
    return [
        json.dumps(
            {
                "action": rng.choice(properties["action"]["enum"]),
                "orderId": "".join(rng.choices("0123456789", k=rng.randint(1, 12))),
                "carrier": rng.choice(properties["carrier"]["enum"]),
                "reason": "".join(rng.choices("abc XYZ", k=rng.randint(4, 24))),
                "notifyCustomer": rng.random() < 0.5,
            },
            separators=(",", ":"),
        )
        for _ in range(count)
    ]


def accepts(tokenizer: llguidance.LLTokenizer, grammar: str, text: str) -> bool:
    matcher = llguidance.LLMatcher(tokenizer, grammar)
    return bool(matcher.consume_tokens(tokenizer.tokenize_str(text)) and matcher.is_accepting())


def test_every_form_of_the_contract_is_the_same_language(
    workload: Workload, tiny_prepared_model: Path
) -> None:
    """The contract's own grammar and the schema that peers get accept the same calls and refuse the same
    others, and an accepted call parses to a valid message.
    """
    tokenizer = llguidance.LLTokenizer((tiny_prepared_model / "tokenizer.json").read_text())
    own = llguidance.LLMatcher.grammar_from_lark(workload.constraints["protojson"])
    schema = llguidance.LLMatcher.grammar_from_json_schema(workload.constraints["json_schema"])
    surface = get_surface("protojson").compile(workload.bundle.contracts[SPECIALIST])
    good = orders(20)
    assert all(accepts(tokenizer, grammar, text) for text in good for grammar in (own, schema))
    for text in good:
        surface.parse(text, {})
    broken = [
        good[0].replace("ACTION_", "ACT_"),
        re.sub(r'"orderId":"\d+"', '"orderId":"12a"', good[1]),
        re.sub(r'"orderId":"\d+"', '"orderId":"1234567890123"', good[1]),
        re.sub(r'"reason":"[^"]*"', '"reason":"abc"', good[2]),
        re.sub(r'"reason":"[^"]*"', '"reason":"a-b-c-d"', good[2]),
        re.sub(r',"notifyCustomer":\w+', "", good[3]),
    ]
    assert not any(accepts(tokenizer, grammar, text) for text in broken for grammar in (own, schema))


def test_a_call_survives_the_pipe(workload: Workload) -> None:
    """A call is the same after JSON, with the constraint that it needs and no other."""
    call = workload.call(41, "json_schema", reuse_prefix=False)
    assert call.prompt == workload.prompts[1]
    read = Call.of(json.loads(json.dumps(call.to_json())))
    assert (read.text, read.constraint, read.reuse_prefix) == (call.text, call.constraint, False)
    assert list(read.constraints) == ["json_schema"]
    assert len(set(order_requests(40))) == 40


class CountingEngine:
    """Notes how many calls are under way, and lets them go on together."""

    def __init__(self, concurrency: int) -> None:
        self.together = threading.Barrier(concurrency, timeout=60)
        self.most = self._now = 0
        self._lock = threading.Lock()

    def facts(self) -> Mapping[str, str]:
        return {}

    def call(self, call: Call) -> Answer:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.together.wait()
        with self._lock:
            self._now -= 1
        return Answer(1.0, call.prompt[-1], 1)

    def prefill(self, tokens: Sequence[int]) -> float:
        return 0.0

    def decode(self, batch: int, past: int, steps: int) -> float:
        return 0.0

    def close(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize("rate", [0.0, 1000.0])
def test_a_load_makes_every_call_once(rate: float) -> None:
    """As many calls are under way as there are callers, and the answers stand in the order of the calls."""
    calls = [Call((f"{n}",), {"gbnf": ""}, "gbnf") for n in range(12)]
    engine = CountingEngine(4)
    load = run_load(engine, calls, concurrency=4, rate=rate)
    assert engine.most == 4
    assert load.texts == tuple(str(n) for n in range(12))
    assert all(ms > 0 for ms in load.latency_ms)


def test_a_longer_text_is_scaled_down_and_a_shorter_one_is_left() -> None:
    """A comparison at equal length never flatters us."""
    assert matched_ms(600, 60, 40) == pytest.approx(400)
    assert matched_ms(600, 30, 40) == 600
    assert [rotated(["a", "b", "c"], n)[0] for n in range(4)] == ["a", "b", "c", "a"]


def test_a_peer_that_is_absent_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that is not installed is an error that says what to run, and an unknown one names the others."""
    monkeypatch.setattr("narrowgauge.bench.peers.find_spec", lambda name: None)
    for name, peer in PEERS.items():
        with pytest.raises(FailedPrecondition) as caught:
            peer_of(name)
        assert caught.value.reason == "PEER_MISSING"
        assert peer.install in caught.value.message
    with pytest.raises(NotFound, match="llamacpp"):
        peer_of("abacus")


def test_a_peer_has_its_place(tmp_path: Path) -> None:
    """`--peer` with a kind that no peer has is refused, before anything is prepared."""
    done = subprocess.run(
        [sys.executable, "-m", "narrowgauge.cli", "bench", "loop", "--peer", "llamacpp"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "bench loop" in done.stderr


def test_transformers_reads_the_same_weights(tmp_path: Path) -> None:
    """The folder that is written of a GGUF file holds the file's own numbers, shape and tokenizer."""
    from narrowgauge.models.gguf_checkpoint import GgufCheckpoint

    source = GgufCheckpoint(embedded_gguf())
    written = SafetensorsCheckpoint(hf_folder(embedded_gguf(), tmp_path))
    for name in ("model.embed_tokens.weight", "model.layers.7.self_attn.k_proj.weight", "model.norm.weight"):
        assert np.array_equal(written.tensor(name), source.tensor(name))
    assert not written.has("lm_head.weight")
    mine, theirs = written.config, source.config
    assert (mine.layers, mine.heads, mine.kv_heads, mine.rope_theta, mine.rms_norm_eps) == (
        *(theirs.layers, theirs.heads, theirs.kv_heads, theirs.rope_theta),
        theirs.rms_norm_eps,
    )
    assert mine.tied_embeddings


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    """A transformers checkpoint needs no other form for transformers, and has none for llama.cpp."""
    config = tiny_config()
    folder = write_checkpoint(tmp_path / "checkpoint", config, tiny_weights(config))
    assert hf_folder(folder, tmp_path) == folder
    with pytest.raises(Unsupported, match="GGUF"):
        requantised(folder, "Q8_0", tmp_path)
    assert requantised(embedded_gguf(), "source", tmp_path) == embedded_gguf()


@pytest.mark.model
@pytest.mark.parametrize("precision", ["Q8_0", "Q4_K_M"])
def test_other_precisions_hold_the_same_weights(tmp_path: Path, precision: str) -> None:
    """llama.cpp's quantiser gives back the numbers within its own error, under all names."""
    pytest.importorskip("xllamacpp")
    from narrowgauge.models.gguf_checkpoint import GgufCheckpoint

    source = GgufCheckpoint(embedded_gguf())
    written = GgufCheckpoint(requantised(embedded_gguf(), precision, tmp_path))
    assert written.config == source.config
    for name in ("model.layers.3.mlp.down_proj.weight", "model.layers.0.self_attn.v_proj.weight"):
        before, after = source.tensor(name), written.tensor(name)
        bound = 0.005 if precision == "Q8_0" else 0.1
        assert np.abs(after - before).max() <= bound * np.abs(before).max()
