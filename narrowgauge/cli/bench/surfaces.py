"""`bench surfaces`: tokens of the same calls on each surface that can write them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from narrowgauge.cli.bench.options import BenchOptions
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import Unsupported
from narrowgauge.evaluation.report import Report

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from narrowgauge.contracts.contract import Contract
    from narrowgauge.contracts.surfaces import CompiledSurface

__all__ = ["bench_surfaces"]

_SUMMARIES = 100
_SEED = 1
_BASE = "protojson"


@dataclass(frozen=True)
class _Calls:
    """A contract and calls of it: pairs of a method's short name and its request."""

    name: str
    contract: Contract
    calls: Sequence[tuple[str, Message]]


async def bench_surfaces(options: BenchOptions, report: Report, progress: Progress) -> None:
    """Adds for each contract `calls` and `values`, and for each surface its tokens and their `_ratio`.

    A surface's figure is the mean of tokens a call, without the one that ends it; `values` are the tokens of
    the call's values alone, which every surface has to write; a ratio is all tokens over all of protojson's.
    Calls are the gold calls of the carried evaluation files for SQL and Salesforce, summaries as training
    generates them, and with a bundle the examples of its specialists.

    Raises:
        InvalidRequest: An example in the bundle is no call of its contract.
    """
    found = await _carried(progress)
    if options.bundle is not None:
        found += _of_bundle(options.bundle)
    await asyncio.to_thread(_measure, found, options, report, progress)


def _measure(found: Sequence[_Calls], options: BenchOptions, report: Report, progress: Progress) -> None:
    from tokenizers import Tokenizer

    from narrowgauge.models.embedded import embedded_gguf
    from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
    from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint

    model = options.model or embedded_gguf()
    checkpoint = GgufCheckpoint(model) if model.is_file() else SafetensorsCheckpoint(model)
    tokenizer = Tokenizer.from_str(checkpoint.tokenizer_json())
    report.model = checkpoint.name

    def tokens_of(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    for done, calls in enumerate(found):
        progress(f"writing calls of {calls.name}", done / len(found))
        report.n += len(calls.calls)
        report.metrics[f"{calls.name}.calls"] = len(calls.calls)
        spoken = [sum(tokens_of(f" {value}") for value in _values(request)) for _, request in calls.calls]
        report.mean(f"{calls.name}.values", spoken)
        counts = {
            surface.name: [
                tokens_of(surface.render(surface.contract.tool(method), request))
                for method, request in calls.calls
            ]
            for surface in _surfaces(calls.contract)
        }
        for name, each in counts.items():
            report.mean(f"{calls.name}.{name}", each)
            if name != _BASE:
                pairs = list(zip(each, counts[_BASE], strict=True))
                report.statistic(f"{calls.name}.{name}_ratio", pairs, _ratio)


def _ratio(pairs: Sequence[tuple[int, int]]) -> float:
    return fmean(ours for ours, _ in pairs) / fmean(base for _, base in pairs)


def _surfaces(contract: Contract) -> list[CompiledSurface]:
    from narrowgauge.contracts.surfaces import SURFACES, get_surface

    found = []
    for name in SURFACES:
        try:
            found.append(get_surface(name).compile(contract))
        except Unsupported:
            continue  # a surface of another contract
    return found


def _values(message: Any) -> Iterator[str]:
    """Texts of a message's values, as words: enum values without their prefix, no keys, no flags."""
    from narrowgauge.contracts.surfaces.compact.words import enum_words

    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            raise Unsupported("NOT_COUNTED", f"{field.full_name}: values of maps are not counted")
        for one in value if field.is_repeated else [value]:
            if field.message_type is not None:
                yield from _values(one)
            elif field.enum_type is not None:
                yield enum_words(field.enum_type)[one]
            elif not isinstance(one, bool):
                yield f"{one:g}" if isinstance(one, float) else str(one)


async def _carried(progress: Progress) -> list[_Calls]:
    from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in

    contracts = {contract.specialist: contract for contract in contracts_in(builtin_descriptor_set())}
    return [
        _own("salesforce", contracts["salesforce"], _salesforce_calls()),
        _own("sql", contracts["sql"], await _sql_calls(progress)),
        _own("summary", contracts["summary"], _summary_calls(contracts["summary"])),
    ]


def _own(name: str, contract: Contract, calls: Iterable[tuple[str, Message]]) -> _Calls:
    """Calls as messages of the contract's own descriptor pool."""
    own = []
    for method, request in calls:
        message = contract.tool(method).request_class()
        message.ParseFromString(request.SerializeToString())
        own.append((method, message))
    return _Calls(name, contract, own)


def _salesforce_calls() -> Iterator[tuple[str, Message]]:
    from narrowgauge.evaluation.kinds.salesforce import gold_call
    from narrowgauge.evaluation.records import read_records

    for name in ("salesforce_requests.jsonl", "salesforce_unseen.jsonl"):
        with as_file(files("narrowgauge.evaluation") / "data" / name) as path:
            for record in read_records(path):
                gold = gold_call(record)
                if gold.request is not None:
                    yield gold.method, gold.request


async def _sql_calls(progress: Progress) -> list[tuple[str, Message]]:
    from narrowgauge.cli.home import Home
    from narrowgauge.cli.preparing import ready_demo_data
    from narrowgauge.evaluation.kinds.sql import GoldQuery
    from narrowgauge.evaluation.records import read_records
    from narrowgauge.evaluation.sql_databases import Databases

    home = Home.of(os.environ)
    await ready_demo_data(home, warehouse=True, organisation=False, progress=progress)
    calls: list[tuple[str, Message]] = []
    with as_file(files("narrowgauge.evaluation") / "data" / "sql_warehouse.jsonl") as path:
        databases = Databases(path, warehouse=home.warehouse)
        for record in read_records(path):
            gold = GoldQuery.of(record["sql"], databases.of(record))
            if gold.request is not None:
                calls.append(("Query", gold.request))
    return calls


def _summary_calls(contract: Contract) -> Iterator[tuple[str, Message]]:
    from narrowgauge.training.specialist.data import summary_examples

    for example in islice(summary_examples(contract, seed=_SEED), _SUMMARIES):
        request = example.call.request
        # A figure's place in its source is found after decoding.
        for figure in request.figures:  # type: ignore[attr-defined]
            figure.ClearField("offset")
        yield example.call.tool.name, request


def _of_bundle(folder: Path) -> list[_Calls]:
    from narrowgauge.contracts.bundle import Bundle

    bundle = Bundle.load(folder)
    found = []
    for name, config in sorted(bundle.configs.items()):
        calls = [example.tool_call(bundle.contracts[name]) for example in config.read_examples()]
        if calls:
            requests = [(call.tool.name, call.request) for call in calls]
            found.append(_Calls(name, bundle.contracts[name], requests))
    return found
