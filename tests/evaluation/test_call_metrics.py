"""`eval call`: functions in JSON Schema become a contract, and calls are compared argument by argument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calls import called, refused
from google.protobuf import json_format
from llguidance import LLMatcher, LLTokenizer

from narrowgauge.cli.evaluate.calling import compile_functions
from narrowgauge.contracts.bundle import Bundle
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.answers import Answer
from narrowgauge.evaluation.json_schema_contract import functions_of
from narrowgauge.evaluation.kinds.call import add_verdicts, call_groups, judge_calls
from narrowgauge.evaluation.report import Report

BOOK = {
    "name": "book-room",
    "description": "Books a room.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 2},
            "nights": {"type": "integer", "minimum": 1, "maximum": 30},
            "price": {"type": "number"},
            "rates": {"type": "array", "items": {"type": "number"}},
            "beds": {"type": "string", "enum": ["single", "double"]},
            "guests": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
            "pay by": {"type": "object", "properties": {"card": {"type": "boolean"}}, "required": ["card"]},
            "note": {"type": ["string", "null"]},
            "extra": {},
        },
        "required": ["city", "nights"],
    },
}
TIME = {"type": "function", "function": {"name": "getTime", "description": "Tells the time."}}
FUNCTIONS = functions_of([BOOK, TIME])


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The functions as a compiled contract."""
    bundle: Bundle = compile_functions(tmp_path_factory.mktemp("calls"), {"call": FUNCTIONS})
    return bundle.contracts["call"]


def answer(contract: Contract, *calls: tuple[str, dict[str, Any]]) -> Answer:
    """A call of the functions, from its ProtoJSON."""
    items = [{name: arguments} for name, arguments in calls]
    request = json_format.ParseDict({"calls": {"items": items}}, contract.tools[0].request_class())
    return called("Call", request)


def test_names_and_types_survive(contract: Contract) -> None:
    """Arguments keep names, types and nesting, whatever characters a name has."""
    given = {
        "city": "Ulm",
        "nights": 2,
        "price": 80.5,
        "guests": ["Ana", "Bo"],
        "pay by": {"card": True},
        "extra": {"late": [1, "x"]},
    }
    made = answer(contract, ("book-room", given), ("getTime", {}))
    verdict = judge_calls(made, [("getTime", {}), ("book-room", given)], FUNCTIONS)
    assert verdict.valid
    assert verdict.exact
    assert verdict.arguments == (6, 6, 6)


@pytest.mark.parametrize(
    "arguments",
    [
        {"city": "Ulm"},
        {"city": "U", "nights": 2},
        {"city": "Ulm", "nights": 0},
        {"city": "Ulm", "nights": 2, "beds": "king"},
        {"city": "Ulm", "nights": 2, "guests": ["a", "b", "c", "d"]},
        {"city": "Ulm", "nights": 2, "pay by": {}},
    ],
)
def test_what_a_schema_forbids_breaks_a_rule(arguments: dict[str, Any], contract: Contract) -> None:
    """Required arguments, lengths, bounds, enums and item counts are rules of the message."""
    made = answer(contract, ("book-room", arguments))
    assert made.request is not None
    assert violations(made.request)
    assert not judge_calls(made, [("book-room", arguments)], FUNCTIONS).exact


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("argument", ["price", "rates"])
def test_numbers_are_finite(contract: Contract, argument: str, number: str) -> None:
    """A number is one that JSON Schema knows, alone and in a list: what ProtoJSON writes as text for a double
    breaks a rule of the message, and the constraint cannot write it.
    """
    value: Any = [number] if argument == "rates" else number
    made = answer(contract, ("book-room", {"city": "Ulm", "nights": 2, argument: value}))
    assert made.request is not None
    assert [rule for _, rule in violations(made.request)] == ["must be finite"]
    grammar = get_surface("protojson").compile(contract).grammar({})
    assert accepted(grammar, _called(argument, [80.5] if argument == "rates" else 80.5))
    assert not accepted(grammar, _called(argument, value))


def _called(argument: str, value: Any) -> str:
    arguments = {"city": "Ulm", "nights": "2", argument: value}
    return json.dumps({"calls": {"items": [{"book-room": arguments}]}}, separators=(",", ":"))


def accepted(grammar: str, text: str) -> bool:
    """Whether a constraint allows a text, followed by its end."""
    matcher = LLMatcher(LLTokenizer("byte"), LLMatcher.grammar_from_lark(grammar))
    tokens = list(text.encode())
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def test_values_are_compared_as_the_schema_means_them(contract: Contract) -> None:
    """Case and outer space of texts do not count; a number that the gold writes as text is a number."""
    made = answer(contract, ("book-room", {"city": "Ulm", "nights": 2}))
    assert judge_calls(made, [("book-room", {"city": " ulm", "nights": "2"})], FUNCTIONS).exact
    assert not judge_calls(made, [("book-room", {"city": "Ulm", "nights": 3})], FUNCTIONS).exact
    assert not judge_calls(
        made, [("book-room", {"city": "Ulm", "nights": 2, "beds": "single"})], FUNCTIONS
    ).exact


def test_rates_count_records(contract: Contract) -> None:
    """Right, one argument wrong, a function too many, refused rightly, refused wrongly: counted by hand."""
    ulm = ("book-room", {"city": "Ulm", "nights": 2})
    verdicts = [
        judge_calls(answer(contract, ulm), [ulm], FUNCTIONS),
        judge_calls(answer(contract, ("book-room", {"city": "Bonn", "nights": 2})), [ulm], FUNCTIONS),
        judge_calls(answer(contract, ulm, ("getTime", {})), [ulm], FUNCTIONS),
        judge_calls(refused(), [], FUNCTIONS),
        judge_calls(refused(), [ulm], FUNCTIONS),
    ]
    report = Report("call", 5)
    add_verdicts([(str(number), verdict) for number, verdict in enumerate(verdicts)], report)
    assert report.metrics == {
        "valid": 1.0,
        "exact": 0.4,
        "exact_answerable": 0.25,
        "tool_accuracy": 0.6,
        "argument_f1": pytest.approx(2 * 5 / (6 + 8)),
        "refusal_recall": 1.0,
        "refusal_precision": 0.5,
    }
    assert [failure.id for failure in report.failures] == ["1", "2", "4"]


def test_an_error_is_no_refusal() -> None:
    """A record that wants a refusal is not right when the specialist failed."""
    verdict = judge_calls(Answer(error="LIMIT: x"), [], FUNCTIONS)
    assert not verdict.exact
    assert not verdict.tools
    assert not verdict.valid


def test_records_with_the_same_tools_are_asked_together(tmp_path: Path) -> None:
    """Records with equal tools are one group; records without tools take those that five of them need."""
    data = tmp_path / "dev.jsonl"
    listed = [
        {"api_name": f"f{n}", "api_description": "", "parameters": {"x": {"type": "int"}}, "required": ["x"]}
        for n in range(8)
    ]
    (tmp_path / "tool.jsonl").write_text("".join(json.dumps(tool) + "\n" for tool in listed))
    own = [{"id": f"o{n}", "request": "?", "tools": [TIME], "calls": []} for n in range(2)]
    plain = [
        {"id": f"p{n}", "query": "?", "calling": [{"api": f"f{n}", "parameters": {"x": "1"}}]}
        for n in range(6)
    ]
    groups = call_groups([*own, *plain], data)
    assert [[case.id for case in group.cases] for group in groups] == [
        ["p0", "p1", "p2", "p3", "p4"],
        ["p5"],
        ["o0", "o1"],
    ]
    assert [function.name for function in groups[0].functions] == ["f0", "f1", "f2", "f3", "f4"]
    with pytest.raises(InvalidRequest, match="p9"):
        call_groups([{"id": "p9", "request": "?", "tools": [{}], "calls": []}], data)
