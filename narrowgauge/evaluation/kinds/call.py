"""`eval call`: requests to calls of functions that each record describes in JSON Schema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from narrowgauge.errors import InvalidRequest, NotFound
from narrowgauge.evaluation.answers import Answer, Case, refusal_rates
from narrowgauge.evaluation.json_schema_contract import Function, arguments_of, functions_of
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.evaluation.report import Report, f1_of
from narrowgauge.v1 import specialist_pb2

__all__ = ["CallGroup", "CallVerdict", "add_verdicts", "call_groups", "judge_calls"]

_TOGETHER = 5
"""Records of `data/seal_tools`, which bring no tools, that share those that one of them needs."""

Call = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class CallGroup:
    """Records that choose among the same functions, and so are asked of one specialist.

    Attributes:
        specialist: Its name, unique among the groups of a file.
        functions: What may be called.
        cases: What is sent, to that specialist.
        gold: Right calls of each.
    """

    specialist: str
    functions: tuple[Function, ...]
    cases: tuple[Case, ...]
    gold: tuple[tuple[Call, ...], ...]


@dataclass(frozen=True)
class CallVerdict:
    """What one answer is worth; `arguments` counts right, predicted and gold arguments."""

    valid: bool
    exact: bool
    tools: bool
    arguments: tuple[int, int, int]
    refused: bool
    must_refuse: bool
    why: str = ""


def call_groups(records: Sequence[Record], data: Path, tools: Path | None = None) -> list[CallGroup]:
    """Groups records by the functions that they choose among.

    Args:
        records: In the form of `docs/eval.md`, or as in `data/seal_tools`.
        data: Their file; the tools of `data/seal_tools` are looked for beside it.
        tools: File of those tools instead.

    Raises:
        InvalidRequest: A record is malformed; names it.
        NotFound: The tools' file, or a tool of a gold call, is missing.
    """
    groups: dict[str, tuple[tuple[Function, ...], list[Record]]] = {}
    plain = [record for record in records if "tools" not in record]
    if plain:
        known = _listed_tools(data, tools)
        for first in range(0, len(plain), _TOGETHER):
            together = plain[first : first + _TOGETHER]
            groups[f"together {first}"] = (_functions_needed(together, known), together)
    for record in records:
        if "tools" in record:
            key = json.dumps(record["tools"], sort_keys=True)
            if key not in groups:
                groups[key] = (_functions(record), [])
            groups[key][1].append(record)
    return [
        _group(f"call-{number}", functions, own)
        for number, (functions, own) in enumerate(groups.values(), start=1)
    ]


def judge_calls(answer: Answer, gold: Sequence[Call], functions: Sequence[Function]) -> CallVerdict:
    """Compares one answer with its gold calls, whatever their order.

    Texts are equal without regard to case and outer space, numbers by value, also where the gold record
    writes a number as text and its schema wants a number.
    """
    schemas = {function.name: function.parameters for function in functions}
    wanted = [(name, _normal(name, arguments, schemas)) for name, arguments in gold]
    found = [(name, _normal(name, arguments, schemas)) for name, arguments in _calls(answer)]
    wanted_parts, found_parts = _parts(wanted), _parts(found)
    exact = answer.valid and not answer.error and Counter(map(repr, wanted)) == Counter(map(repr, found))
    return CallVerdict(
        valid=answer.valid,
        exact=exact,
        tools=not answer.error and Counter(n for n, _ in wanted) == Counter(n for n, _ in found),
        arguments=(
            (wanted_parts & found_parts).total(),
            found_parts.total(),
            wanted_parts.total(),
        ),
        refused=answer.refused,
        must_refuse=not gold,
        why="" if exact else f"{answer.why()} | gold: {json.dumps(list(gold), ensure_ascii=False)}",
    )


def add_verdicts(verdicts: Sequence[tuple[str, CallVerdict]], report: Report) -> None:
    """Adds `valid`, `exact`, `tool_accuracy`, `argument_f1`, `refusal_recall` and `refusal_precision`.

    Where some records have calls and some have none, also `exact_answerable`, over those that have.
    """
    n = len(verdicts)
    found = [verdict for _, verdict in verdicts]
    report.rate("valid", sum(verdict.valid for verdict in found), n)
    report.rate("exact", sum(verdict.exact for verdict in found), n)
    answerable = [verdict for verdict in found if not verdict.must_refuse]
    if 0 < len(answerable) < n:
        report.rate("exact_answerable", sum(verdict.exact for verdict in answerable), len(answerable))
    report.rate("tool_accuracy", sum(verdict.tools for verdict in found), n)
    report.statistic("argument_f1", [verdict.arguments for verdict in found], f1_of)
    must, did = [v.must_refuse for v in found], [v.refused for v in found]
    for name, (hits, count) in refusal_rates(must, did).items():
        report.rate(name, hits, count)
    for record, verdict in verdicts:
        if not verdict.exact:
            report.fail(record, verdict.why)


def _calls(answer: Answer) -> list[Call]:
    if answer.request is None:
        return []
    request: Any = answer.request
    result: list[Call] = []
    for use in request.calls.items:
        for field, arguments in use.ListFields():
            assert isinstance(arguments, Message)
            result.append((field.json_name, arguments_of(arguments)))
    return result


def _parts(calls: Sequence[tuple[str, dict[str, Any]]]) -> Counter[str]:
    return Counter(repr((name, key, value)) for name, given in calls for key, value in given.items())


def _normal(name: str, arguments: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    own = schemas.get(name, {})
    return {key: _value(value, own.get(key, {})) for key, value in sorted(arguments.items())}


def _value(value: Any, schema: Any) -> Any:
    wants_number = str(schema.get("type")) in ("int", "integer", "float", "number")
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        if wants_number:
            try:
                return float(value)
            except ValueError:
                pass  # text where a number belongs: wrong, and compared as text
        return " ".join(value.split()).casefold()
    if isinstance(value, Mapping):
        inner = schema.get("properties") or {}
        return {key: _value(item, inner.get(key, {})) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_value(item, schema.get("items") or {}) for item in value]
    return value


def _group(specialist: str, functions: tuple[Function, ...], records: Sequence[Record]) -> CallGroup:
    cases = tuple(_case(record, specialist) for record in records)
    return CallGroup(specialist, functions, cases, tuple(map(_gold, records)))


def _case(record: Record, specialist: str) -> Case:
    text = record.get("request", record.get("query"))
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no request")
    start = specialist_pb2.ExecuteStart(text=text, today=str(record.get("today", "")), specialist=specialist)
    return Case(str(record["id"]), start)


def _gold(record: Record) -> tuple[Call, ...]:
    try:
        if "calls" in record:
            return tuple((str(call["name"]), dict(call.get("arguments") or {})) for call in record["calls"])
        return tuple((str(call["api"]), dict(call["parameters"])) for call in record["calling"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest("BAD_RECORD", f"record {record['id']}: {error!r}") from error


def _functions(record: Record) -> tuple[Function, ...]:
    try:
        functions = functions_of(record["tools"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest("BAD_RECORD", f"record {record['id']}, tools: {error!r}") from error
    if not functions:
        raise InvalidRequest("BAD_RECORD", f"record {record['id']} has no tools")
    return functions


def _listed_tools(data: Path, tools: Path | None) -> Mapping[str, Function]:
    candidates = [tools] if tools else [data.parent / name for name in ("tool.jsonl", "tool.jsonl.xz")]
    for path in candidates:
        if path is not None and path.is_file():
            return {function.name: function for function in functions_of(read_records(path))}
    raise NotFound("NO_TOOLS", f"the records have no tools and there is no {candidates[0]}; use --schemas")


def _functions_needed(records: Sequence[Record], known: Mapping[str, Function]) -> tuple[Function, ...]:
    names = sorted({name for record in records for name, _ in _gold(record)})
    for name in names:
        if name not in known:
            raise NotFound("NO_SUCH_TOOL", f"a gold call names {name}, which the tools' file does not have")
    return tuple(known[name] for name in names)
