"""Writes the records of `narrowgauge eval call` that come with Narrowgauge, out of Seal-Tools' dev file.

    python scripts/seal_tools_records.py data/seal_tools/dev.jsonl.xz

Of the half that training leaves out: each request with one call, and the function that it calls as its only
tool. Every fourth function is also asked what is another field's request, which it must refuse.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from narrowgauge.evaluation.records import read_records
from narrowgauge.training.specialist.call_seal_tools import in_training_half

OUT = Path(__file__).resolve().parents[1] / "narrowgauge" / "evaluation" / "data" / "call_seal_tools.jsonl"
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
REFUSED_EVERY = 4


def function_of(tool: dict[str, Any]) -> dict[str, Any]:
    """Returns a function in the form of docs/eval.md."""
    properties = {
        name: {**schema, "type": TYPES[schema["type"]]} for name, schema in tool["parameters"].items()
    }
    schema = {"type": "object", "properties": properties, "required": tool["required"]}
    return {"name": tool["api_name"], "description": tool["api_description"], "parameters": schema}


def records_of(rows: list[dict[str, Any]], tools: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the records, those to refuse behind the ones whose function they are asked of."""
    single = [row for row in rows if len(row["calling"]) == 1 and not in_training_half(str(row["id"]))]
    fields = [tools[row["calling"][0]["api"]]["field"].partition("/")[0] for row in single]
    records = []
    for number, row in enumerate(single):
        call = row["calling"][0]
        functions = [function_of(tools[call["api"]])]
        calls = [{"name": call["api"], "arguments": call["parameters"]}]
        records.append({"id": row["id"], "request": row["query"], "tools": functions, "calls": calls})
        if number % REFUSED_EVERY == 0:
            # Far away in the file and of another field, so that it cannot be meant.
            others = (number + step for step in range(len(single) // 2, len(single)))
            other = next(i % len(single) for i in others if fields[i % len(single)] != fields[number])
            records.append(
                {
                    "id": f"{single[other]['id']} of {call['api']}",
                    "request": single[other]["query"],
                    "tools": functions,
                    "calls": [],
                }
            )
    return records


def main() -> None:
    """Reads the rows' file and the tools beside it, and writes the records."""
    data = Path(sys.argv[1])
    tools = {tool["api_name"]: tool for tool in read_records(data.with_name("tool.jsonl.xz"))}
    records = records_of(read_records(data), tools)
    OUT.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    print(f"{len(records)} records in {OUT}")


if __name__ == "__main__":
    main()
