"""What follows the training of a specialist of one's own: figures, model card, configuration, deployment."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from narrowgauge.training.progress import Watcher
    from narrowgauge.training.specialist.run import Outcome, Run

__all__ = ["Finished", "finish", "print_finished"]

_PERCENT = 100


@dataclass(frozen=True)
class Finished:
    """A specialist that can be served.

    Attributes:
        folder: The specialist's folder.
        service: Full name of its contract.
        facts: What `training.json` holds.
        card: The adapter's model card.
        deployment: Folder with manifests; None for an adapter outside of the specialist's folder.
        protos: Where the contract is written, as far as the configuration does not say so.
    """

    folder: Path
    service: str
    facts: dict[str, Any]
    card: Path
    deployment: Path | None
    protos: tuple[Path, ...]


def finish(
    run: Run, outcome: Outcome, protos: Sequence[Path], watcher: Watcher, *, evaluate: bool
) -> Finished:
    """Measures an adapter on what was held back, and writes what belongs to it; goes on where it was ended.

    Args:
        run: The run.
        outcome: What it gave.
        protos: Where the contract is written.
        watcher: Told what is being done; may raise to end it.
        evaluate: Whether to measure.

    Raises:
        NarrowgaugeError: The specialist cannot be served.
    """
    from importlib.metadata import version

    from narrowgauge.cli.deployment import write_deployment
    from narrowgauge.cli.model_card import write_model_card

    facts: dict[str, Any] = dict(outcome.facts)
    if evaluate:
        _measure(run, outcome.adapter, facts, protos, watcher)
    examples = ", ".join(path.name for path in run.data)
    own = f"`{run.config.examples}` of the specialist's folder" if run.config.examples else ""
    card = write_model_card(outcome.adapter, facts, examples=" and ".join(filter(None, (examples, own))))
    deployment = None
    if outcome.adapter.resolve().parent == run.config.folder.resolve():
        _name_adapter(run.config.folder, outcome.adapter.name)
        deployment = run.config.folder / "deployment"
        write_deployment(deployment, run.contract, version("narrowgauge"))
    known = run.config.proto_path is not None
    return Finished(
        run.config.folder, run.contract.service, facts, card, deployment, () if known else tuple(protos)
    )


def print_finished(finished: Finished) -> None:
    """Prints the figures and what to do next."""
    facts = finished.facts
    tuned, untuned = facts.get("held_back"), facts.get("held_back_untuned")
    if tuned:
        typer.echo(f"asked    {tuned['n']} examples that were held back; in brackets the untuned model")
        for name in ("valid", "exact", "method_accuracy", "field_f1", "refusal_recall", "refusal_precision"):
            if name in tuned["metrics"]:
                low, high = tuned["ci95"][name]
                before = (
                    f" ({untuned['metrics'][name]:.2f})" if untuned and name in untuned["metrics"] else ""
                )
                value = tuned["metrics"][name]
                typer.echo(f"         {name} {value:.2f}, 95 % interval {low:.2f} to {high:.2f}{before}")
    elif not facts.get("examples_held_back"):
        typer.echo("asked    nothing: with fewer than ten examples all of them are trained on")
    typer.echo(f"card     {finished.card}")
    if finished.deployment is None:
        typer.echo('serve it by `adapter = "FOLDER"` in specialist.toml, the folder beside it')
        return
    typer.echo(f"deploy   {finished.deployment}")
    protos = "".join(f"--proto {path} " for path in finished.protos)
    typer.echo(f"next     narrowgauge compile {protos}--specialist {finished.folder}")
    typer.echo(f"         narrowgauge up --tool {finished.service}=HOST:PORT")


def _measure(
    run: Run, adapter: Path, facts: dict[str, Any], protos: Sequence[Path], watcher: Watcher
) -> None:
    from narrowgauge.cli.held_back import Asked, ask_held_back, facts_of
    from narrowgauge.contracts.trained import TRAINING_FILE
    from narrowgauge.training.specialist.data_files import read_data_files
    from narrowgauge.training.specialist.own_examples import own_examples
    from narrowgauge.training.specialist.sql_periods import TODAY

    files = read_data_files(run.data)
    own = own_examples(run.config, run.contract, files, variants=0, seed=run.recipe.seed)
    if not own.held_back:
        return
    asked = Asked(
        run.config,
        run.contract,
        tuple(protos),
        kept=own.kept,
        held_back=own.held_back,
        catalogue=own.catalogue,
        today=str(TODAY),
        base=run.base,
    )

    def progress(what: str, fraction: float | None) -> None:
        # What a stage does within itself is no stage of its own.
        stage = what.partition(":")[0]
        if fraction is None:
            watcher.stage(stage, 0, 0)
        else:
            watcher.stage(stage, round(fraction * _PERCENT), _PERCENT)

    for name, tuned in (("held_back_untuned", None), ("held_back", adapter)):
        if name in facts:  # the command was ended after it
            continue
        report = asyncio.run(ask_held_back(asked, tuned, progress))
        facts[name] = facts_of(report)
        (adapter / TRAINING_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _name_adapter(folder: Path, name: str) -> None:
    """Writes the adapter's name into the configuration, which people wrote: nothing else of it changes."""
    from narrowgauge.contracts.specialist import CONFIG_FILE

    path = folder / CONFIG_FILE
    text = path.read_text(encoding="utf-8")
    line = f"adapter = {json.dumps(name)}"
    if re.search(r"^adapter\s*=", text, re.MULTILINE):
        text = re.sub(r"^adapter\s*=.*$", line, text, count=1, flags=re.MULTILINE)
    else:
        text = text.rstrip("\n") + f"\n{line}\n"
    path.write_text(text, encoding="utf-8")
