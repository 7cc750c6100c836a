"""Data of the call specialist: invented contracts of every field type, and rows of Seal-Tools."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from narrowgauge.contracts.contract_text import contract_text
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import NotFound
from narrowgauge.evaluation.json_schema_contract import call_instruction, functions_of
from narrowgauge.models.embedded import embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.training.specialist.call_corpus import CallSources, call_examples
from narrowgauge.training.specialist.call_requests import (
    CallTask,
    call_specialist,
    encode_task,
    function_task,
    function_tasks,
    service_tasks,
)
from narrowgauge.training.specialist.call_schema_requests import schema_tasks, word_call
from narrowgauge.training.specialist.call_seal_tools import SealTools, in_training_half, read_seal_tools
from narrowgauge.training.specialist.data_files import read_data_files
from narrowgauge.training.specialist.encode import Encoder

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory" / "inventory.proto"
TOOLS = [
    {
        "api_name": "getWater",
        "api_description": "Water quality of a place",
        "parameters": {
            "place": {"type": "str", "description": "where"},
            "depth": {"type": "float", "description": "metres"},
        },
        "required": ["place"],
    },
    {
        "api_name": "sendMessage",
        "api_description": "Send a message",
        "parameters": {"text": {"type": "str", "description": "what"}, "times": {"type": "int"}},
        "required": ["text"],
    },
]
PAPER = {
    "api_name": "getPaper",
    "api_description": "Retrieve a specific paper",
    "parameters": {
        "paper_id": {"type": "str", "description": "The ID of the paper"},
        "year": {"type": "int", "description": "The year of the paper"},
        "field": {"type": "str", "description": "The field of the paper (e.g., biology, physics)"},
    },
    "required": ["paper_id", "year"],
}


def encoder_for(task: CallTask) -> Encoder:
    checkpoint = GgufCheckpoint(embedded_gguf())
    return Encoder(
        task.config,
        get_surface("protojson").compile(task.contract),
        tokenizer_json=checkpoint.tokenizer_json(),
        vocab_size=checkpoint.config.vocab_size,
        eos=checkpoint.config.eos_token_ids,
        chat=checkpoint.config.chat_format,
    )


def test_generated_calls_keep_their_contracts() -> None:
    """Every call is valid, its surface reads what it writes, and all kinds of fields come up."""
    kinds: set[str] = set()
    for task in islice(service_tasks(seed=1, requests=4), 40):
        surface = get_surface("protojson").compile(task.contract)
        assert task.contract.service in task.config.contract
        assert all(tool.name in task.config.instruction for tool in task.contract.tools)
        for example in task.examples:
            assert not violations(example.call.request), (example.request, example.call.request)
            text = surface.render(example.call.tool, example.call.request)
            assert surface.parse(text, {}).request == example.call.request
            for field, _ in example.call.request.ListFields():
                label = "repeated " if field.is_repeated else ""
                kinds.add(label + (field.message_type.name if field.message_type else str(field.type)))
    assert {"Timestamp", "repeated 9", "9", "8", "14", "1"} <= kinds
    assert kinds & {"Address", "BillingAddress", "Contact"}


def test_the_constraint_allows_generated_calls() -> None:
    """`encode` raises for a call that serving could never write; both forms have none."""
    first = next(service_tasks(seed=2, requests=2))
    encoder = encoder_for(first)
    tasks = [
        first,
        *islice(service_tasks(seed=3, requests=3), 6),
        *islice(function_tasks(seed=3, requests=3), 3),
    ]
    for task in tasks:
        for encoded in encode_task(task, encoder):
            assert any(encoded.sampled)


def test_values_stand_in_their_requests() -> None:
    """Texts and codes of a call are words of its request: nothing has to be guessed."""
    for task in islice(service_tasks(seed=4, requests=5), 20):
        for example in task.examples:
            for field, value in example.call.request.ListFields():
                if isinstance(value, str) and not value[:4].isdigit():
                    assert value in example.request, (example.request, field.name, value)


def test_refusals_come_where_a_contract_can_say_no() -> None:
    """Functions are refused by `unanswerable`, a contract of one's own by its method for it."""
    own = [e for task in islice(service_tasks(seed=5), 20) for e in task.examples]
    assert any(e.call.tool.name == "Decline" for e in own)
    functions = [e for task in islice(function_tasks(seed=5), 4) for e in task.examples]
    refused = [e for e in functions if getattr(e.call.request, "unanswerable", False)]
    assert 0 < len(refused) < len(functions) / 2


def test_a_seed_gives_the_same_tasks() -> None:
    """The same seed repeats contracts and requests, another one does not."""

    def requests(seed: int) -> list[str]:
        return [e.request for task in islice(service_tasks(seed=seed), 5) for e in task.examples]

    assert requests(6) == requests(6)
    assert requests(6) != requests(7)


def test_functions_are_described_as_evaluation_describes_them() -> None:
    """A task's instruction is the one that `narrowgauge eval call` serves with."""
    functions = functions_of(TOOLS)
    task = function_task(functions, [("send hello", [("sendMessage", {"text": "hello"})])])
    assert task.config.instruction == call_instruction(functions)
    assert "sendMessage(text: string, times?: integer): Send a message" in task.config.instruction


def test_a_contract_is_described_in_a_line_a_method() -> None:
    """Names, types, meanings, and what may be left out."""
    contract = contracts_in(load_protos([INVENTORY]))[0]
    assert contract_text(contract).splitlines() == [
        "Reserve(article: string article number, units: integer how many, site?: SITE_BERLIN|SITE_CHICAGO): "
        "Reserve units of an article.",
        "Release(reservation: string): Release a reservation.",
    ]


def test_half_of_the_rows_of_seal_tools_become_tasks(tmp_path: Path) -> None:
    """Only rows of the training half come up, and numbers that are written as text are numbers."""
    rows = [
        {
            "id": f"dev-{number}",
            "query": f"water of lake {number}",
            "calling": [{"api": "getWater", "parameters": {"place": f"lake {number}", "depth": "2.5"}}],
        }
        for number in range(40)
    ]
    bad = next(f"bad-{n}" for n in range(50) if in_training_half(f"bad-{n}"))
    rows.append(
        {"id": bad, "query": "say it", "calling": [{"api": "sendMessage", "parameters": {"times": "often"}}]}
    )
    data = tmp_path / "dev.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(NotFound, match=r"tool\.jsonl"):
        read_seal_tools(data)
    (tmp_path / "tool.jsonl").write_text("\n".join(map(json.dumps, TOOLS)))
    seal = read_seal_tools(data)
    wanted = {row["query"] for row in rows if in_training_half(str(row["id"])) and row["id"] != bad}
    assert 10 < len(wanted) < 30
    examples = [e for task in islice(seal.tasks(seed=1), 12) for e in task.examples]
    assert {e.request for e in examples if e.call.request.WhichOneof("call") == "calls"} <= wanted
    use = next(e.call.request for e in examples if e.request in wanted).calls.items[0]  # type: ignore[attr-defined]
    assert {field.json_name: value for field, value in use.ListFields()[0][1].ListFields()}["depth"] == 2.5
    assert seal.free == ("sendMessage",)  # the only function that no row for evaluation calls


def test_a_bad_row_is_counted(tmp_path: Path) -> None:
    """A row that does not keep its function's schema is left out with its reason, and the others stay."""
    ids = [f"r{n}" for n in range(60) if in_training_half(f"r{n}")][:5]
    rows = [
        {
            "id": ids[0],
            "query": "say it often",
            "calling": [{"api": "sendMessage", "parameters": {"times": "x"}}],
        },
        *(
            {"id": i, "query": f"say {i}", "calling": [{"api": "sendMessage", "parameters": {"text": i}}]}
            for i in ids[1:]
        ),
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "tool.jsonl").write_text("\n".join(map(json.dumps, TOOLS)))
    seal = read_seal_tools(tmp_path / "dev.jsonl")
    tasks = list(islice(seal.tasks(seed=2), 20))
    assert {e.request for task in tasks for e in task.examples} == {f"say {i}" for i in ids[1:]}
    assert sum(seal.left_out.values()) == 1
    only_bad = SealTools(seal.rows[:1], seal.functions)
    assert list(only_bad.tasks(seed=1)) == []


def test_schemas_become_requests_that_say_their_values() -> None:
    """What a call gives stands in its request, what it must give is given, and some requests are refused."""
    functions = functions_of([*TOOLS, PAPER])
    tasks = list(islice(schema_tasks(functions, seed=3), 30))
    refused = 0
    for task in tasks:
        for example in task.examples:
            assert not violations(example.call.request)
            refused += getattr(example.call.request, "unanswerable", False)
    assert refused
    rng = random.Random(4)
    for _ in range(20):
        text, given = word_call(functions[2], rng)
        assert given.keys() >= {"paper_id", "year"}
        assert given["paper_id"] in text and str(given["year"]) in text


def test_a_corpus_has_what_was_asked_of_each_source(tmp_path: Path) -> None:
    """Rows, schemas, invented contracts and functions, as many examples of each as the sources say."""
    rows = [
        {
            "id": f"r{n}",
            "query": f"say {n}",
            "calling": [{"api": "sendMessage", "parameters": {"text": f"{n}"}}],
        }
        for n in range(12)
        if in_training_half(f"r{n}")
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "tool.jsonl").write_text("\n".join(map(json.dumps, [*TOOLS, PAPER])))
    files = read_data_files([tmp_path / "dev.jsonl"])
    config, contract = call_specialist()
    assert config.instruction == ""
    encoder = encoder_for(CallTask(config, contract, ()))
    left_out: Counter[str] = Counter()
    sources = CallSources(seed=1, seals=files.calls, taken=5, generated=20)
    found = dict(call_examples(encoder, sources, left_out, lambda done, of: None))
    assert {source: len(examples) for source, examples in found.items()} == {
        "rows of Seal-Tools": 5,
        "worded from its functions": 8,
        "on invented contracts": 7,
        "on invented functions": 5,
    }
    nothing = dict(call_examples(encoder, CallSources(1, (), 5, 0), left_out, lambda done, of: None))
    assert not any(nothing.values())
