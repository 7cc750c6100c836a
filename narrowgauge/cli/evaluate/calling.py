"""`eval call`: compiles the functions of each record into a contract, serves the contracts, and asks."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.evaluate.serving import served_specialists
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle
    from narrowgauge.evaluation.json_schema_contract import Function
    from narrowgauge.evaluation.kinds.call import CallVerdict

__all__ = ["compile_functions", "evaluate_calls"]

_A_PROCESS = 16
"""Contracts that a process serves. Their prompts begin differently, and its cache holds about so many
beginnings; each specialist has a copy of the adapter in the bundle.
"""


async def evaluate_calls(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    """Asks all records; those with the same functions share a specialist, and some specialists a process.

    Raises:
        InvalidRequest: A record is malformed, or `--address` or `--bundle` was given.
        NotFound: There is no adapter in the folder that `--adapter` names.
        Unsupported: A function's schema cannot be a message; names the argument.
    """
    from narrowgauge.evaluation.asking import Asker
    from narrowgauge.evaluation.kinds.call import add_verdicts, call_groups, judge_calls

    if options.address or options.bundle is not None:
        raise InvalidRequest(
            "BAD_ARGUMENT",
            "eval call compiles the functions of the records: neither --address nor --bundle can be given",
        )
    adapter = _adapter(options)
    groups = call_groups(records, options.data, options.schemas)
    by_id: dict[str, CallVerdict] = {}
    latencies: list[float] = []
    for first in range(0, len(groups), _A_PROCESS):
        together = groups[first : first + _A_PROCESS]
        with tempfile.TemporaryDirectory(prefix="narrowgauge-call-") as scratch:
            progress("compiling functions", len(by_id) / len(records))
            contracts = {group.specialist: group.functions for group in together}
            bundle = await asyncio.to_thread(compile_functions, Path(scratch), contracts, adapter)
            async with served_specialists(
                list(contracts),
                address="",
                bundle=bundle.path,
                model=options.model,
                progress=progress,
                environment={
                    "NARROWGAUGE_SLOT_TOKENS": "2048",  # the prompt describes the functions
                    # Asked once each, these beginnings are not worth a place among those that are kept.
                    "NARROWGAUGE_PREFIXES": str(Path(scratch) / "prefixes"),
                },
            ) as served:
                report.model = served.model
                report.bundle = bundle.hash if len(together) == len(groups) else ""
                before = len(by_id)
                answers = await Asker(served.channel, served.bundle_hash, bundle.pool).ask_all(
                    [case for group in together for case in group.cases],
                    parallel=options.parallel,
                    on_done=lambda done, before=before: progress(  # type: ignore[misc]
                        "asking for calls", (before + done) / len(records)
                    ),
                )
        asked = [
            (case.id, gold, group.functions)
            for group in together
            for case, gold in zip(group.cases, group.gold, strict=True)
        ]
        for (record, gold, functions), turns in zip(asked, answers, strict=True):
            by_id[record] = judge_calls(turns[0], gold, functions)
            latencies.append(turns[0].latency_ms)
    report.latency_ms = percentiles(latencies)
    ordered = [str(record["id"]) for record in records]
    add_verdicts([(record, by_id[record]) for record in ordered], report)


def _adapter(options: EvalOptions) -> Path | None:
    """Returns the adapter to ask with: the one named, or the one carried where it fits; None for the base."""
    from narrowgauge.contracts.specialist import call_adapter_folder, has_call_adapter
    from narrowgauge.errors import NotFound

    if options.adapter is None:
        # The one that is carried fits the embedded model alone.
        return call_adapter_folder() if has_call_adapter() and options.model is None else None
    if options.adapter == "none":
        return None
    folder = Path(options.adapter)
    if not (folder / "adapter.safetensors").is_file():
        raise NotFound("NO_ADAPTER", f"there is no adapter in {folder}")
    return folder


def compile_functions(
    folder: Path, contracts: Mapping[str, tuple[Function, ...]], adapter: Path | None = None
) -> Bundle:
    """Writes a bundle whose specialists call functions.

    Args:
        folder: Where it is written.
        contracts: What each specialist may call, by its name.
        adapter: Folder of an adapter that reads the functions in its prompt; None for the base alone.

    Raises:
        InvalidRequest, Unsupported: The functions cannot be a contract.
    """
    from narrowgauge.contracts.bundle import compile_bundle
    from narrowgauge.evaluation.json_schema_contract import contract_source

    sources, specialists = [], []
    for name, functions in contracts.items():
        identifier = name.replace("-", "_")
        package = f"narrowgauge.evaluation.calls.{identifier}.v1"
        source = folder / f"{identifier}.proto"
        source.write_text(contract_source(functions, specialist=name, package=package), encoding="utf-8")
        sources.append(source)
        specialists.append(_specialist(folder / name, f"{package}.CallService", functions, adapter))
    return compile_bundle(folder / "bundle", protos=sources, specialists=specialists, with_router=False)


def _specialist(folder: Path, service: str, functions: tuple[Function, ...], adapter: Path | None) -> Path:
    """Writes the configuration of a specialist, named as its folder."""
    from narrowgauge.evaluation.json_schema_contract import call_instruction

    folder.mkdir()
    line = ""
    if adapter is not None:
        # Without its record, which names no contract: each contract is a new one to it.
        line = 'adapter = "adapter"\n'
        (folder / "adapter").mkdir()
        for path in (adapter / "adapter.json", *adapter.glob("*.safetensors")):
            shutil.copyfile(path, folder / "adapter" / path.name)
    # JSON's texts are TOML's too.
    instruction = json.dumps(call_instruction(functions), ensure_ascii=False)
    (folder / "specialist.toml").write_text(
        f'name = "{folder.name}"\ncontract = "{service}"\nsurface = "protojson"\nmax_output_tokens = 256\n'
        f"catalogue_chars = 0\ninstruction = {instruction}\n{line}",
        encoding="utf-8",
    )
    return folder
