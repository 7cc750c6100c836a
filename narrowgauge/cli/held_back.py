"""Asks a freshly trained specialist what was held back from its training, over gRPC, as it will be served."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrowgauge.cli.preparing import Progress

if TYPE_CHECKING:
    from narrowgauge.contracts.contract import Contract
    from narrowgauge.contracts.specialist import Example, SpecialistConfig
    from narrowgauge.evaluation.report import Report
    from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["Asked", "ask_held_back", "facts_of"]


@dataclass(frozen=True)
class Asked:
    """What is asked of whom.

    Attributes:
        config: The specialist.
        contract: Its contract.
        protos: Where the contract is written.
        kept: Examples that were trained on; the untuned model is shown the nearest of them.
        held_back: Examples to ask.
        catalogue: What their environment has.
        today: YYYY-MM-DD, as in training.
        base: Checkpoint; None for the embedded one.
    """

    config: SpecialistConfig
    contract: Contract
    protos: tuple[Path, ...]
    kept: tuple[Example, ...]
    held_back: tuple[Example, ...]
    catalogue: Catalogue
    today: str
    base: Path | None


async def ask_held_back(asked: Asked, adapter: Path | None, progress: Progress) -> Report:
    """Serves the specialist and asks all examples that were held back.

    Args:
        asked: What and whom.
        adapter: Its adapter; None for the untuned model, which is shown the examples that were trained on.
        progress: Told what is being done.

    Raises:
        FailedPrecondition: The specialist does not start.
        NarrowgaugeError: The bundle cannot be compiled or the model not be prepared.
    """
    from narrowgauge.cli.evaluate.serving import served_specialists
    from narrowgauge.contracts.bundle import compile_bundle
    from narrowgauge.evaluation.asking import Asker
    from narrowgauge.evaluation.kinds.examples import ExamplesKind
    from narrowgauge.evaluation.report import Report

    who = "the tuned specialist" if adapter else "the untuned model"
    kind = ExamplesKind(asked.contract, asked.held_back, catalogue=asked.catalogue, today=asked.today)
    report = Report("examples held back", len(kind.cases))
    with tempfile.TemporaryDirectory(prefix="narrowgauge-held-back-") as scratch:
        progress(f"compiling a bundle for {who}", None)
        folder = _folder(Path(scratch), asked, adapter)
        bundle = compile_bundle(
            Path(scratch) / "bundle", protos=asked.protos, specialists=[folder], with_router=False
        )
        async with served_specialists(
            [asked.config.name],
            address="",
            bundle=bundle.path,
            model=asked.base,
            progress=progress,
            environment={},
        ) as served:
            report.bundle, report.model = served.bundle_hash, served.model
            answers = await Asker(served.channel, served.bundle_hash, bundle.pool).ask_all(
                kind.cases,
                parallel=1,
                on_done=lambda done: progress(f"asking {who}", done / len(kind.cases)),
            )
        kind.score(answers, report)
    return report


def facts_of(report: Report) -> dict[str, Any]:
    """Returns what a training record keeps of a report."""
    whole = asdict(report)
    return {name: whole[name] for name in ("n", "metrics", "ci95", "latency_ms", "failures")}


def _folder(scratch: Path, asked: Asked, adapter: Path | None) -> Path:
    """Writes the specialist with or without its adapter; its examples are those that were trained on."""
    import shutil

    from narrowgauge.contracts.specialist import CONFIG_FILE

    folder = scratch / "specialist"
    folder.mkdir()
    config = replace(
        asked.config,
        adapter="adapter" if adapter else "",
        examples="" if adapter else "examples.jsonl",
        proto="",
    )
    values = {name: value for name, value in asdict(config).items() if name != "folder" and value != ""}
    # JSON's texts and numbers are TOML's too.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    (folder / CONFIG_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    if adapter:
        shutil.copytree(adapter, folder / "adapter")
    else:
        (folder / "examples.jsonl").write_text("".join(map(_line, asked.kept)), encoding="utf-8")
    return folder


def _line(example: Example) -> str:
    call: Any = json.loads(example.call)
    if example.method:
        call = {"method": example.method, "request": call}
    row = {"request": example.request, "call": call}
    row |= {name: value for name in ("context", "catalogue") if (value := getattr(example, name))}
    return json.dumps(row, ensure_ascii=False) + "\n"
