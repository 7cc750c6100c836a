"""Texts that have reached their limit are closed on a short way, wherever they were cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from served import catalogue

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.closed_sets import closed_sets_of
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.models import load_prepared
from specialist_svc.engine.closing import closing_path
from specialist_svc.engine.guide import Guide, LlguidanceGuides, mask_words
from specialist_svc.engine.tokenizer import ModelTokenizer
from specialist_svc.engine.writer import CLOSING_RESERVE

SURFACES = {
    "sql": ("sql", "sql"),
    "salesforce": ("salesforce", "salesforce"),
    "protojson": ("protojson", "summary"),
    "compact": ("compact", "summary"),
    "compact-sql": ("compact", "sql"),
}
DERIVED = "SELECT ROUND(v1), STRFTIME('%Y-%m', v2)"
NESTED = [
    DERIVED,
    f"{DERIVED}, STR",
    f"{DERIVED} FROM (SELECT",
    f"{DERIVED} FROM (SELECT ROUND(",
    f"{DERIVED} FROM (SELECT ROUND(invoices.customer_id) + customers.id AS v1,",
    "SELECT invoices.id FROM invoices WHERE (invoices.id > 5 OR",
    "SELECT invoices.id FROM invoices WHERE NOT (((",
    "SELECT invoices.id FROM invoices WHERE invoices.id IN (",
    "SELECT customers.id FROM customers WHERE customers.name = 'ab",
]


@pytest.fixture(scope="session")
def embedded_tokenizer(tiny_prepared_model: Path) -> ModelTokenizer:
    model = load_prepared(tiny_prepared_model)
    return ModelTokenizer(
        model.tokenizer_path, vocab_size=model.config.vocab_size, eos=model.config.eos_token_ids
    )


def grammar_of(bundle: Bundle, case: str) -> str:
    surface, contract = SURFACES[case]
    return get_surface(surface).compile(bundle.contracts[contract]).grammar(closed_sets_of(catalogue()))


def closes(guide: Guide, tokenizer: ModelTokenizer, written: bytes) -> bool:
    """Tells whether a way is found, and asserts that the text may end after it."""
    before = guide.copy()
    way = closing_path(guide, tokenizer, most=CLOSING_RESERVE, written=written)
    assert guide.forced_bytes() == before.forced_bytes()
    if way is None:
        return False
    assert len(way) <= CLOSING_RESERVE
    guide.accept(way)
    return guide.may_end()


@pytest.mark.parametrize("text", NESTED)
def test_nested_queries_are_closed(bundle: Bundle, embedded_tokenizer: ModelTokenizer, text: str) -> None:
    """Derived tables, open groups of conditions and open strings are left by grammar."""
    guide = LlguidanceGuides(embedded_tokenizer).guide(grammar_of(bundle, "sql"))
    guide.accept(list(embedded_tokenizer.encode(text)))
    assert closes(guide, embedded_tokenizer, text.encode())


@pytest.mark.parametrize("case", SURFACES)
def test_random_texts_are_closed_wherever_they_are_cut(
    bundle: Bundle, embedded_tokenizer: ModelTokenizer, case: str
) -> None:
    """Random walks through the grammars, cut anywhere, can be closed within the reserve."""
    guides, grammar = LlguidanceGuides(embedded_tokenizer), grammar_of(bundle, case)
    mask = np.zeros((1, mask_words(embedded_tokenizer.vocab_size)), np.int32)
    random = np.random.default_rng(11)
    for length in random.integers(1, 90, 12):
        guide, tokens = guides.guide(grammar), list[int]()
        while len(tokens) < length and not guide.must_end():
            following = guide.forced()
            if not following:
                guide.fill_mask(mask)
                allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
                following = [int(random.choice(allowed))]
                if following[0] in embedded_tokenizer.eos:
                    break
            guide.accept(following)
            tokens += following
        written = embedded_tokenizer.bytes_of(tokens)
        assert closes(guide, embedded_tokenizer, written), written
