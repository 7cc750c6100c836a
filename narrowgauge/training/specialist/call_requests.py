"""Requests to call invented functions, with their calls: what a generic call specialist learns from.

Two forms, as they are served: a contract of one's own, whose methods and fields stand in the instruction; and
functions in JSON Schema that come with the request, compiled as `narrowgauge eval call` compiles them.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from narrowgauge.contracts.contract import Contract, ToolCall
from narrowgauge.contracts.contract_text import contract_instruction
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.proto_json import read_message
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.json_schema_contract import (
    SERVICE,
    Function,
    call_instruction,
    contract_source,
)
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.call_arguments import Given, draw_argument
from narrowgauge.training.specialist.call_contracts import (
    Operation,
    draw_operations,
    functions_of_operations,
    service_of_operations,
)
from narrowgauge.training.specialist.encode import Encoder, TrainingExample
from narrowgauge.training.specialist.paraphrase import SLOT, SYNONYM_WORDS, Vocabulary, paraphrase
from narrowgauge.training.specialist.refusals import unrelated_requests
from narrowgauge.training.specialist.sql_periods import draw_today

__all__ = [
    "CallTask",
    "call_specialist",
    "encode_task",
    "function_task",
    "function_tasks",
    "service_tasks",
]

_NAME = "call"
_MOST_FUNCTIONS = 5
_GIVEN = 0.5
_REFUSED = 0.15
_TWO_CALLS = 0.2
_HEADS = (
    "{verb} {a} {noun}",
    "{verb} {a} {noun}",
    "{verb} {noun}",
    "I want to {verb} {a} {noun}",
    "{noun}: {verb}",
)


@dataclass(frozen=True)
class CallTask:
    """One contract with requests on it.

    Attributes:
        config: The specialist; its instruction describes the contract.
        contract: The contract.
        examples: Requests with their calls.
    """

    config: SpecialistConfig
    contract: Contract
    examples: tuple[TrainingExample, ...]


def call_specialist() -> tuple[SpecialistConfig, Contract]:
    """Returns the specialist that a training run is of: instruction and contract are each task's own.

    Its contract has the service's name and the form of those that `narrowgauge eval call` makes.
    """
    contract = function_task([Function("none", "Does nothing.", {}, frozenset())], []).contract
    return _config(contract, ""), contract


def service_tasks(*, seed: int, requests: int = 8) -> Iterator[CallTask]:
    """Yields contracts made at run time with requests on them, without end.

    Args:
        seed: The same seed gives the same tasks.
        requests: Requests a contract; they share the instruction, which a pack reads once.
    """
    rng = random.Random(f"services/{seed}")
    while True:
        operations = draw_operations(rng, _count(rng))
        refusing = rng.random() < 0.5
        contract = service_of_operations(operations, rng, refusing=refusing)
        texts = _unrelated(rng, operations)
        examples = []
        for _ in range(requests):
            if refusing and rng.random() < _REFUSED:
                call = _call(contract, "Decline", {"unanswerable": True})
                examples.append(TrainingExample(texts.pop(), call, today=str(draw_today(rng))))
                continue
            operation = rng.choice(operations)
            text, given = _request(operation, rng)
            values = {_camel(one.argument.name): _proto_value(one, operation) for one in given}
            call = _call(contract, operation.method, values)
            examples.append(TrainingExample(text, call, today=str(draw_today(rng))))
        yield CallTask(_config(contract, contract_instruction(contract)), contract, tuple(examples))


def function_tasks(*, seed: int, requests: int = 8) -> Iterator[CallTask]:
    """Yields functions in JSON Schema with requests on them, without end; some need two calls, some none.

    Args:
        seed: The same seed gives the same tasks.
        requests: Requests a set of functions.
    """
    rng = random.Random(f"functions/{seed}")
    while True:
        operations = draw_operations(rng, _count(rng))
        functions = functions_of_operations(operations, rng)
        names = {operation.method: f.name for operation, f in zip(operations, functions, strict=True)}
        texts = _unrelated(rng, operations)
        rows: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = []
        for _ in range(requests):
            if rng.random() < _REFUSED:
                rows.append((texts.pop(), []))
                continue
            asked = [rng.choice(operations) for _ in range(2 if rng.random() < _TWO_CALLS else 1)]
            pairs = [_request(operation, rng) for operation in asked]
            calls = [
                (names[operation.method], {one.argument.name: _json_value(one) for one in given})
                for operation, (_, given) in zip(asked, pairs, strict=True)
            ]
            joint = rng.choice((", then ", " and ", ". Also ", "; after that "))
            rows.append((joint.join(text.rstrip(" .?!") for text, _ in pairs), calls))
        yield function_task(functions, rows)


def function_task(
    functions: Sequence[Function], rows: Sequence[tuple[str, Sequence[tuple[str, dict[str, Any]]]]]
) -> CallTask:
    """Compiles functions into a contract, with requests on it.

    Args:
        functions: What may be called.
        rows: Requests, each with its calls by name and arguments; no calls means refuse.

    Raises:
        Unsupported: A schema has something that no message can say.
        InvalidRequest: A call is none of its function.
    """
    with tempfile.TemporaryDirectory(prefix="narrowgauge-calls-") as scratch:
        source = Path(scratch) / "calls.proto"
        source.write_text(contract_source(functions), encoding="utf-8")
        contract = next(found for found in contracts_in(load_protos([source])) if found.service == SERVICE)
    examples = []
    for text, calls in rows:
        body: dict[str, Any] = {"unanswerable": True}
        if calls:
            body = {"calls": {"items": [{name: arguments} for name, arguments in calls]}}
        call = _call(contract, "Call", body)
        broken = violations(call.request)
        if broken:
            raise InvalidRequest(
                "BAD_CALL", f"{text!r}: {broken[0][0]} {broken[0][1]}", field_violations=broken
            )
        examples.append(TrainingExample(text, call))
    return CallTask(_config(contract, call_instruction(functions)), contract, tuple(examples))


def encode_task(task: CallTask, encoder: Encoder) -> list[EncodedExample]:
    """Encodes a task's examples as they are served.

    Args:
        task: The contract and its requests.
        encoder: Of any specialist on the same model.

    Raises:
        InvalidRequest: The constraint does not allow a call.
    """
    own = encoder.of(task.config, get_surface(task.config.surface).compile(task.contract))
    return [own.encode(example) for example in task.examples]


def _count(rng: random.Random) -> int:
    """Returns how many functions a contract has: few as a rule, since each lengthens the prompt."""
    return min(rng.randint(1, _MOST_FUNCTIONS), rng.randint(1, _MOST_FUNCTIONS))


def _config(contract: Contract, instruction: str) -> SpecialistConfig:
    return SpecialistConfig(
        name=_NAME,
        contract=contract.service,
        surface="protojson",
        instruction=instruction,
        max_output_tokens=256,
        catalogue_chars=0,
        examples="",
        adapter="",
        folder=Path(),
    )


def _call(contract: Contract, method: str, values: dict[str, Any]) -> ToolCall:
    tool = contract.tool(method)
    request = tool.request_class()
    read_message(json.dumps(values, ensure_ascii=False), request)
    return ToolCall(tool, request)


def _request(operation: Operation, rng: random.Random) -> tuple[str, list[Given]]:
    """Words a call of a function: what is required, some of the rest, in any order."""
    given = [
        draw_argument(argument, rng)
        for argument in operation.arguments
        if argument.name in operation.required or rng.random() < _GIVEN
    ]
    order = list(range(len(given)))
    rng.shuffle(order)
    article = "an" if operation.noun[0] in "aeiou" else "a"
    head = rng.choice(_HEADS)
    head = head.replace("{verb}", operation.verb).replace("{a}", article).replace("{noun}", operation.noun)
    # Values are slots while the words around them change. Another function may be called by the word that
    # means the same, so no word is exchanged.
    parts = [given[index].phrase.replace("{}", chr(SLOT + index)) for index in order]
    joint = ", " if rng.random() < 0.25 else " "
    text = paraphrase(
        joint.join([head, *parts]), rng, Vocabulary(barred=SYNONYM_WORDS, verbs={operation.verb})
    )
    for index, one in enumerate(given):
        text = text.replace(chr(SLOT + index), one.words)
    return text, given


def _unrelated(rng: random.Random, operations: Sequence[Operation]) -> list[str]:
    words = {word for operation in operations for word in (*operation.words, f"{operation.noun}s")}
    return unrelated_requests(rng, words)


def _proto_value(given: Given, operation: Operation) -> Any:
    one, value = given.argument, given.value
    if one.kind == "enum":
        return f"{one.name.upper()}_{value.upper()}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        day = value.isoformat()
        return f"{day}T00:00:00Z" if one.name in operation.as_timestamp else day
    if isinstance(value, dict):
        return {_camel(name): inner for name, inner in value.items()}
    if isinstance(value, list):
        return [_object(item) if isinstance(item, dict) else item for item in value]
    return value


def _object(value: dict[str, Any]) -> dict[str, Any]:
    return {_camel(name): inner for name, inner in value.items()}


def _json_value(given: Given) -> Any:
    value = given.value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
