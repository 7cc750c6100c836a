"""The outlines_core guide beside the llguidance one: the same tokens, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine_grammars import CALL_GRAMMAR

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.errors import Unsupported
from narrowgauge.models import load_prepared
from specialist_svc.engine.backend import DecodeRequest
from specialist_svc.engine.guide import LlguidanceGuides, mask_words
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend
from specialist_svc.engine.outlines_guide import OutlinesCoreGuides
from specialist_svc.engine.regular import regular_expression
from specialist_svc.engine.tokenizer import ModelTokenizer

TEXT_THEN_CHOICE = r'start: "x\":\"" /[^"\\]{0,6}/ "\"" ("," ("é" | "èa") | "}")'


@pytest.fixture(scope="session")
def stock_grammar(inventory: Bundle) -> str:
    return get_surface("protojson").compile(inventory.contracts["inventory"]).grammar({})


@pytest.fixture(scope="session")
def tokenizer(tiny_prepared_model: Path) -> ModelTokenizer:
    model = load_prepared(tiny_prepared_model)
    return ModelTokenizer(
        model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
    )


def allowed(mask: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> list[int]:
    return np.flatnonzero(np.unpackbits(mask[0].view(np.uint8), bitorder="little")).tolist()


@pytest.mark.parametrize("which", ["contract", "call", "text"])
def test_both_guides_allow_and_force_the_same_tokens(
    tokenizer: ModelTokenizer, stock_grammar: str, which: str
) -> None:
    """On random walks through a grammar the two agree in every state on what is allowed, what is forced, and
    where the text may and must end.
    """
    grammar = {"contract": stock_grammar, "call": CALL_GRAMMAR, "text": TEXT_THEN_CHOICE}[which]
    lazy, ahead = LlguidanceGuides(tokenizer), OutlinesCoreGuides(tokenizer)
    masks = [np.zeros((1, mask_words(tokenizer.vocab_size)), np.int32) for _ in range(2)]
    random = np.random.default_rng(7)
    for _ in range(25):
        guides = (lazy.guide(grammar), ahead.guide(grammar))
        while not guides[0].must_end():
            assert not guides[1].must_end()
            assert guides[0].may_end() == guides[1].may_end()
            assert guides[0].forced_bytes() == guides[1].forced_bytes()
            forced = guides[0].forced()
            assert forced == guides[1].forced()
            if not forced:
                for guide, mask in zip(guides, masks, strict=True):
                    guide.fill_mask(mask)
                assert np.array_equal(*masks)
                forced = [int(random.choice(allowed(masks[0])))]
            for guide in guides:
                assert guide.copy().allows(forced[0])
                guide.accept(forced)
        assert guides[1].must_end()


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ('start: "[" start? "]"', "recursive"),
        ("start: /[a-z]{0,900}/", "900 characters"),
        ('start: r1\nr1: "a" /[a-z]{0,40}/ (/b{1,30}/){0,30}', "941 characters"),
        ('start: "\\"" (/[a-z]+/ & /[ab]{0,5}/) "\\""', "not bounded"),
        ("start: (/[a-z]{0,9}/ & ~/ab/)", "excludes texts"),
        ('r1::_ : "]" %if bit_count_ge(_, 1)\nstart: "[" r1::0', "without repetitions"),
    ],
)
def test_what_no_index_can_hold_is_refused(grammar: str, reason: str) -> None:
    """Recursion, calls of any length, intersections and lists without repetitions end in an error that says
    so and names the other guide, and never in a constraint that is weaker.
    """
    with pytest.raises(Unsupported, match=reason) as caught:
        regular_expression(grammar)
    assert caught.value.reason == "NOT_REGULAR"
    assert "llguidance" in caught.value.message


def test_integer_ranges_and_patterns_are_kept(tokenizer: ModelTokenizer, stock_grammar: str) -> None:
    """Rules that outlines_core's own schema reader drops are in the index."""
    guide = OutlinesCoreGuides(tokenizer).guide(stock_grammar)
    guide.accept(list(tokenizer.encode('{"method":"Reserve","request":{"article":"AX-100","units":50')))
    assert guide.allows(tokenizer.encode("0")[0])
    assert not guide.allows(tokenizer.encode("1")[0])


@pytest.mark.model
def test_the_embedded_model_writes_the_same_with_both(prepared_model: Path, stock_grammar: str) -> None:
    """Calls of the real model are the same to the token whichever guide holds the constraint."""
    written = []
    for guide in ("llguidance", "outlines_core"):
        backend = OnnxruntimeBackend(
            load_prepared(prepared_model), EngineOptions(slots=2, slot_tokens=256, guide=guide)
        )
        try:
            asked = [
                backend.submit(DecodeRequest((f"<|im_start|>user\n{text}<|im_end|>\n",), stock_grammar, 80))
                for text in ("reserve 12 units of AX-100 in Berlin", "release R-1042", "hold five BR-220")
            ]
            written.append([decoding.future.result(60) for decoding in asked])
        finally:
            backend.close()
    assert [d.written for d in written[0]] == [d.written for d in written[1]]
    assert [d.forced_tokens for d in written[0]] == [d.forced_tokens for d in written[1]]
