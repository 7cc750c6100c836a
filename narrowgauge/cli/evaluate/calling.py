"""`eval call`: compiles the functions of each record into a contract, serves it, and asks."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from narrowgauge.cli.evaluate.options import EvalOptions
from narrowgauge.cli.evaluate.serving import served_specialist
from narrowgauge.cli.preparing import Progress
from narrowgauge.errors import InvalidRequest
from narrowgauge.evaluation.records import Record
from narrowgauge.evaluation.report import Report, percentiles

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle
    from narrowgauge.evaluation.json_schema_contract import Function
    from narrowgauge.evaluation.kinds.call import CallVerdict

__all__ = ["compile_functions", "evaluate_calls"]

_NAME = "call"


async def evaluate_calls(
    records: list[Record], options: EvalOptions, report: Report, progress: Progress
) -> None:
    """Asks all records; those with the same functions share a specialist.

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
    for group in groups:
        with tempfile.TemporaryDirectory(prefix="narrowgauge-call-") as scratch:
            progress("compiling functions", len(by_id) / len(records))
            bundle = await asyncio.to_thread(compile_functions, Path(scratch), group.functions, adapter)
            async with served_specialist(
                _NAME,
                address="",
                bundle=bundle.path,
                model=options.model,
                progress=progress,
                environment={"NARROWGAUGE_SLOT_TOKENS": "2048"},  # the prompt describes the functions
            ) as served:
                report.model = served.model
                before = len(by_id)
                answers = await Asker(served.channel, served.bundle_hash, bundle.pool).ask_all(
                    group.cases,
                    parallel=options.parallel,
                    on_done=lambda done, before=before: progress(  # type: ignore[misc]
                        "asking for calls", (before + done) / len(records)
                    ),
                )
            report.bundle = bundle.hash if len(groups) == 1 else ""
            for case, gold, turns in zip(group.cases, group.gold, answers, strict=True):
                by_id[case.id] = judge_calls(turns[0], gold, group.functions)
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


def compile_functions(folder: Path, functions: tuple[Function, ...], adapter: Path | None = None) -> Bundle:
    """Writes a bundle whose only specialist calls the functions.

    Args:
        folder: Where it is written.
        functions: What may be called.
        adapter: Folder of an adapter that reads the functions in its prompt; None for the base alone.

    Raises:
        InvalidRequest, Unsupported: The functions cannot be a contract.
    """
    from narrowgauge.contracts.bundle import compile_bundle
    from narrowgauge.evaluation.json_schema_contract import SERVICE, call_instruction, contract_source

    source = folder / "calls.proto"
    source.write_text(contract_source(functions), encoding="utf-8")
    specialist = folder / "specialist"
    specialist.mkdir()
    line = ""
    if adapter is not None:
        # Without its record, which names no contract: each contract is a new one to it.
        line = 'adapter = "adapter"\n'
        (specialist / "adapter").mkdir()
        for name in ("adapter.json", "adapter.safetensors"):
            shutil.copyfile(adapter / name, specialist / "adapter" / name)
    # JSON's texts are TOML's too.
    instruction = json.dumps(call_instruction(functions), ensure_ascii=False)
    (specialist / "specialist.toml").write_text(
        f'name = "{_NAME}"\ncontract = "{SERVICE}"\nsurface = "protojson"\nmax_output_tokens = 256\n'
        f"catalogue_chars = 0\ninstruction = {instruction}\n{line}",
        encoding="utf-8",
    )
    return compile_bundle(folder / "bundle", protos=[source], specialists=[specialist], with_router=False)
