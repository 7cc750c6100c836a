"""`narrowgauge train`: a specialist's adapter out of data, as one command that goes on after it was ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from narrowgauge.contracts.contract import Contract
    from narrowgauge.contracts.specialist import SpecialistConfig
    from narrowgauge.training.specialist.run import Outcome

__all__ = ["train_command"]

# With reading, quantising and asking, a specialist of 50 examples is done within 20 minutes.
_OWN_SECONDS = 840.0
ROUTER = "router"
"""What is named in a specialist's place to train the router's encoder."""


def train_command(
    ctx: typer.Context,
    specialist: Annotated[
        str,
        typer.Argument(
            help="Name of a built-in specialist; `call`, which reads any contract; a folder with "
            "specialist.toml; or `router`, for its encoder."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the adapter to write; FOLDER/adapter without it."),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            exists=True,
            help="JSON Lines of examples, of questions on databases and their schemas, of requests to call "
            "functions; for the router of labelled requests, or a folder of public corpora.",
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="SQLite database to ask about; the demo warehouse without it."
        ),
    ] = None,
    generate: Annotated[
        int | None, typer.Option(min=0, help="Examples to generate, for a specialist with a generator.")
    ] = None,
    take: Annotated[
        int, typer.Option(min=1, help="Questions to take from each data file, drawn by chance.")
    ] = 1000,
    proto: Annotated[
        list[Path] | None,
        typer.Option(
            "--proto",
            exists=True,
            help="The .proto file of the contract, or a folder of them; that of specialist.toml without it.",
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(exists=True, help="GGUF file or checkpoint folder; the embedded model without it."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Adapter to go on from, with this run's data; also `builtin:call`, the carried one, where "
            "a specialist of your own begins unless this is `none`.",
        ),
    ] = None,
    on: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Adapter that stays as it is: a further part of this rank is trained on top of it.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=0, help="Batches; 0 for as many as the examples ask for.")] = 0,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the adapter.")] = 8,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens a batch.")] = 700,
    rate: Annotated[float, typer.Option(min=0.0, help="Peak learning rate, of LoRA's A.")] = 4e-4,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    seed: Annotated[int, typer.Option(help="Of data, order and first weights.")] = 7,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Training time at most, all parts together; 0 for no bound. Without it 840 for a specialist "
            "of your own, none for a built-in one.",
        ),
    ] = None,
    augment: Annotated[
        int | None,
        typer.Option(min=0, help="Variants to make of your own examples; as many as are worth their time."),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option(help="Ask what was held back of your own examples, before and after.")
    ] = True,
) -> None:
    """Fine-tune a specialist; the same command goes on with a run that was ended.

    Prompts and calls are made by the code that serves. The loss is on the tokens that serving samples. Of a
    specialist of your own about one example in five is held back and asked afterwards; the adapter gets its
    model card and its deployment. `router` fine-tunes the encoder on labelled requests (docs/router.md).
    """
    import importlib.util

    from narrowgauge.errors import FailedPrecondition, InvalidRequest

    if importlib.util.find_spec("torch") is None:
        raise FailedPrecondition(
            "EXTRA_MISSING", "training needs torch, which is not installed: pip install 'narrowgauge[train]'"
        )
    if specialist == ROUTER:
        from narrowgauge.cli.train_router import train_router_command

        train_router_command(ctx)
        return
    for folder in data or ():
        if folder.is_dir():
            raise InvalidRequest("BAD_ARGUMENT", f"{folder} is a folder: name its files, each with --data")
    from narrowgauge.cli.watching import stop_on_signal, watched
    from narrowgauge.training.specialist.finetune import Recipe
    from narrowgauge.training.specialist.run import Run, train

    config, contract, protos = _specialist(specialist, proto or [])
    if out is None and not protos:
        raise InvalidRequest("BAD_ARGUMENT", "name the folder of the adapter to write: --out DIR")
    if seconds is None:
        seconds = _OWN_SECONDS if protos else 0.0
    if on is not None and start is not None:
        raise InvalidRequest("BAD_ARGUMENT", "--on trains a new part: it has nothing to --start from")
    recipe = Recipe(
        steps=steps,
        rank=rank,
        alpha=2.0 * rank,
        batch_tokens=batch_tokens,
        learning_rate=rate,
        threads=threads,
        seed=seed,
        seconds=seconds,
    )
    target = out or config.folder / "adapter"
    carried = bool(protos) and base is None and config.surface == "protojson"
    begin = None if on is not None else _start(start, carried=carried, rank=rank)
    run = Run(
        config,
        contract,
        target,
        tuple(data or ()),
        database,
        generate,
        base,
        recipe,
        take,
        begin,
        augment,
        on,
    )
    with stop_on_signal() as check, watched(config.name, check) as watcher:
        outcome = train(run, watcher)
        finished = None
        if protos:
            from narrowgauge.cli.factory import finish

            finished = finish(run, outcome, protos, watcher, evaluate=evaluate)
    _print(outcome)
    if finished is not None:
        from narrowgauge.cli.factory import print_finished

        print_finished(finished)


def _start(name: str | None, *, carried: bool, rank: int) -> Path | None:
    """Returns the folder of the adapter to go on from; None begins anew.

    Args:
        name: What the user named.
        carried: Whether the adapter that reads contracts may stand in where nothing is named: from it, about
            half as many tokens reach the same loss.
        rank: Of the adapter to train.
    """
    from narrowgauge.contracts.specialist import CALL_ADAPTER, call_adapter_folder, has_call_adapter
    from narrowgauge.errors import NotFound
    from narrowgauge.models import Adapter

    if name is None and carried and has_call_adapter() and Adapter.load(call_adapter_folder()).rank == rank:
        return call_adapter_folder()
    if name is None or name == "none":
        return None
    folder = call_adapter_folder() if name == CALL_ADAPTER else Path(name)
    if not (folder / "adapter.safetensors").is_file():
        raise NotFound("NO_ADAPTER", f"there is no adapter in {folder}")
    return folder


def _specialist(name: str, protos: list[Path]) -> tuple[SpecialistConfig, Contract, tuple[Path, ...]]:
    """Returns a specialist, its contract, and where a contract of the user's own is written."""
    from narrowgauge.contracts.bundle import carried_specialists
    from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in, load_protos
    from narrowgauge.contracts.specialist import CONFIG_FILE, SpecialistConfig
    from narrowgauge.errors import NotFound

    carried = {folder.name: folder for folder in carried_specialists()}
    folder = carried.get(name, Path(name))
    if name == "call" and not (folder / CONFIG_FILE).is_file():
        from narrowgauge.training.specialist.call_requests import call_specialist

        return *call_specialist(), ()
    if not (folder / CONFIG_FILE).is_file():
        raise NotFound(
            "NO_SPECIALIST",
            f"{name} is neither a built-in specialist ({', '.join(carried)}), nor call, nor a folder with "
            f"{CONFIG_FILE}",
        )
    config = SpecialistConfig.read(folder)
    for contract in contracts_in(builtin_descriptor_set()):
        if contract.service == config.contract:
            return config, contract, ()
    if not protos and config.proto_path is not None:
        protos = [config.proto_path]
    for contract in contracts_in(load_protos(protos)) if protos else ():
        if contract.service == config.contract:
            return config, contract, tuple(protos)
    raise NotFound(
        "NO_SUCH_CONTRACT",
        f"there is no contract {config.contract}: name its .proto file with --proto, or in specialist.toml",
    )


def _print(outcome: Outcome) -> None:
    facts = outcome.facts
    typer.echo(f"examples {facts['examples']}")
    if facts["left_out"]:
        typer.echo(f"left out {facts['left_out']}")
    typer.echo(
        f"steps    {facts['steps']}, {facts['tokens']} tokens, {facts['seconds']} s, loss {facts['loss']}"
    )
    typer.echo(f"adapter  {outcome.adapter}")
    if "held_back" in facts or "examples_held_back" in facts:
        return
    typer.echo(
        'serve it by `adapter = "FOLDER"` in specialist.toml, or try it: narrowgauge prepare --adapter DIR'
    )
