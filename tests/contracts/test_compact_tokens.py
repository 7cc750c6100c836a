"""The surface `compact` in tokens of the embedded model: how many, which ones, and where they begin."""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path

import llguidance
import pytest
from google.protobuf import json_format
from random_walk import matcher_of, walk
from surface_cases import SURFACE_CASES, builtin_contract
from tokenizers import Tokenizer

from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.surfaces.compact.grammar import CompactGrammar
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory" / "inventory.proto"

Call = tuple[str, dict[str, object]]
# Calls of the kind that each contract is for.
CALLS: dict[str, list[Call]] = {
    "inventory": [
        ("Reserve", {"article": "AX-100", "units": 12, "site": "SITE_BERLIN"}),
        ("Release", {"reservation": "R-1042"}),
    ],
    "salesforce": [
        (
            "Query",
            {
                "object": "Case",
                "select": [{"field": "Subject"}, {"field": "Account.Name"}],
                "where": [{"compare": {"field": "Status", "operator": "OPERATOR_EQUAL", "text": "New"}}],
                "limit": 5,
            },
        ),
        ("DeleteRecord", {"object": "Lead", "id": "00Q000000000001"}),
        (
            "CreateRecord",
            {
                "object": "Case",
                "fields": [
                    {"field": "Subject", "text": "Late delivery."},
                    {"field": "Priority", "text": "High"},
                ],
            },
        ),
    ],
    "sql": [
        (
            "Query",
            {
                "query": {
                    "select": {
                        "table": "orders",
                        "columns": [
                            {"column": "orders.status"},
                            {"aggregate": {"function": "AGGREGATE_FUNCTION_COUNT"}},
                        ],
                        "groupBy": [{"column": "orders.status"}],
                    },
                    "limit": 5,
                }
            },
        ),
    ],
}


@cache
def checkpoint() -> GgufCheckpoint:
    return GgufCheckpoint(embedded_gguf())


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_str(checkpoint().tokenizer_json())


@cache
def trie() -> llguidance.LLTokenizer:
    config = checkpoint().config
    return llguidance.LLTokenizer(
        checkpoint().tokenizer_json(), n_vocab=config.vocab_size, eos_token=list(config.eos_token_ids)
    )


def ids(text: str) -> list[int]:
    found: list[int] = tokenizer().encode(text, add_special_tokens=False).ids
    return found


def contract(name: str) -> Contract:
    return contracts_in(load_protos([INVENTORY]))[0] if name == "inventory" else builtin_contract(name)


def texts(name: str, surface: str) -> list[str]:
    compiled = get_surface(surface).compile(contract(name))
    found = []
    for method, call in CALLS[name]:
        tool = compiled.contract.tool(method)
        request = json_format.Parse(
            json.dumps(call), tool.request_class(), descriptor_pool=tool.request.file.pool
        )
        found.append(compiled.render(tool, request))
    return found


@pytest.mark.parametrize("case", sorted(name for name in SURFACE_CASES if name.startswith("compact")))
def test_forced_runs_are_the_tokens_of_the_whole_text(case: str) -> None:
    """Wherever the mask forces tokens, they are those into which the tokenizer splits the whole call."""
    found = SURFACE_CASES[case]()
    grammar = found.compiled.grammar(found.closed_sets)
    base = llguidance.LLMatcher(trie(), llguidance.LLMatcher.grammar_from_lark(grammar))
    checked = 0
    for seed in range(9):
        text = walk(matcher_of(grammar), random.Random(seed), lean_bytes=(0, 40, 160)[seed % 3])
        target = ids(text)
        if tokenizer().decode(target, skip_special_tokens=False) != text:
            continue  # the vocabulary lacks a byte of it
        matcher = base.deep_copy()
        while target:
            forced = matcher.compute_ff_tokens()
            assert target[: len(forced)] == forced, text
            step = forced or target[:1]
            assert matcher.consume_tokens(step), text
            target = target[len(step) :]
            checked += len(step)
        assert matcher.is_accepting() or matcher.is_stopped()
    assert checked


@pytest.mark.parametrize("name", sorted(CALLS))
def test_no_token_crosses_from_a_value_into_what_separates_it(name: str) -> None:
    """Words with the space before them, line ends, and commas with brackets are split as they are alone."""
    for text in texts(name, "compact"):
        pieces = re.findall(r"\n|[,)]+| ?[^ \n,)]+", text)
        assert "".join(pieces) == text
        assert ids(text) == [token for piece in pieces for token in ids(piece)], text


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_at_most_half_the_tokens_of_protojson(name: str) -> None:
    """Over the calls that a contract is for, the tokens are half as many or fewer."""
    short, long = (
        sum(len(ids(text)) for text in texts(name, surface)) for surface in ("compact", "protojson")
    )
    assert short <= long / 2, (short, long)


@pytest.mark.parametrize("name", [*CALLS, "summary"])
def test_separators_and_tags_are_single_tokens(name: str) -> None:
    """So are all separators, and the tags of the contracts that are carried, but for two long words."""
    assert [len(ids(text)) for text in ("\n", ",", ")", "),", "))")] == [1] * 5
    grammar = CompactGrammar(Limits(), None, None)
    for tool in contract(name).tools:
        grammar.request(tool.request)
    tags = {place.tag for layout in grammar.layouts.messages.values() for place in layout.places if place.tag}
    assert {tag for tag in tags if len(ids(f" {tag}")) > 1} <= {"negated", "unanswerable"}
