"""A training run from start to adapter: data, encoding, fine-tuning, resumable at each point.

Beside the output folder `DIR` lies `DIR.training/` as long as the run is not done: the encoded examples, and
the state of the fine-tuning. The same command goes on from there; other options for the same output are
refused, so that no adapter is half of one run and half of another.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces import get_surface
from narrowgauge.contracts.trained import TRAINING_FILE, prompt_facts
from narrowgauge.errors import DataLoss, FailedPrecondition
from narrowgauge.evaluation.records import data_sha256
from narrowgauge.models import Adapter, add_part, write_adapter
from narrowgauge.models.checkpoint import Checkpoint
from narrowgauge.models.draft_table import DRAFTS_FILE, DraftTable
from narrowgauge.models.embedded import EMBEDDED_NAME, embedded_gguf
from narrowgauge.models.gguf_checkpoint import GgufCheckpoint
from narrowgauge.models.safetensors_checkpoint import SafetensorsCheckpoint
from narrowgauge.training.progress import Progress, Watcher
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.training.specialist.corpus import DEFAULT_GENERATED, build_corpus
from narrowgauge.training.specialist.data_files import read_data_files
from narrowgauge.training.specialist.encode import Encoder
from narrowgauge.training.specialist.encoded_file import read_encoded, write_encoded
from narrowgauge.training.specialist.finetune import Recipe, finetune
from narrowgauge.training.specialist.network import build_network, merge_adapter
from narrowgauge.training.specialist.sources import Sources

__all__ = ["Outcome", "Run", "train"]

# Times that a specialist sees its examples when no number of steps is given.
_EPOCHS_OF_GENERATED, _EPOCHS_OF_VARIANTS, _EPOCHS_OF_EXAMPLES = 1, 2, 8
_FEWEST_STEPS = 40
# Of the codes of an adapter's file (`write_adapter`).
_BITS = 5


@dataclass(frozen=True)
class Run:
    """What to train.

    Attributes:
        config: The specialist.
        contract: Its contract.
        out: Folder of the adapter.
        data: Data files.
        database: SQLite database that SQL questions are about; None for the demo warehouse.
        generated: Examples to generate; None for the contract's default.
        base: GGUF file or checkpoint folder; None for the embedded model.
        taken: Questions to take from each data file.
        start: Folder of an adapter to go on from; None begins anew.
        added_to: Folder of an adapter that stays as it is and gets a further part; None for a new adapter.
        recipe: Its `steps` may be 0: as many as the examples ask for.
        variants: Variants to make of the examples of a contract without a generator; None for as many as are
            worth their time.
    """

    config: SpecialistConfig
    contract: Contract
    out: Path
    data: tuple[Path, ...] = ()
    database: Path | None = None
    generated: int | None = None
    base: Path | None = None
    recipe: Recipe = field(default_factory=lambda: Recipe(steps=0))
    taken: int = 1000
    start: Path | None = None
    variants: int | None = None
    added_to: Path | None = None

    @property
    def state(self) -> Path:
        """Folder of the unfinished run."""
        return self.out.with_name(f"{self.out.name}.training")

    @property
    def wanted(self) -> int:
        """Examples to generate."""
        if self.generated is not None:
            return self.generated
        return DEFAULT_GENERATED.get(self.contract.service, 0)


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        adapter: Its folder.
        facts: What `training.json` there holds.
    """

    adapter: Path
    facts: dict[str, object]


def train(run: Run, watcher: Watcher | None = None) -> Outcome:
    """Trains an adapter, or goes on with a run that was ended; a run that is done is not done again.

    Raises:
        FailedPrecondition: Another run is unfinished for the same output.
        InvalidRequest: Data that cannot be used; names the place.
        NotFound: A file does not exist.
        DataLoss: A file is damaged.
    """
    watcher = watcher or Watcher()
    checkpoint = _open_base(run.base)
    identity = _identity(run, checkpoint.tokenizer_json())
    if not run.state.exists() and (facts := _recorded(run)).get("run") == identity:
        return Outcome(run.out, facts)
    examples, facts = _examples(run, checkpoint, watcher)
    steps = run.recipe.steps or _steps_for(examples, run)
    recipe = replace(run.recipe, steps=steps, warmup_steps=min(run.recipe.warmup_steps, steps // 6))
    watcher.stage("loading the model", 0, 0)
    network = build_network(checkpoint)
    if run.added_to is not None:
        merge_adapter(network, _checked(run.added_to, checkpoint))
    seen: list[Progress] = []

    def step(progress: Progress) -> None:
        seen[:] = [progress]
        watcher.step(progress)

    try:
        state = finetune(
            network,
            examples,
            recipe,
            checkpoint=run.state / "state.pt",
            start=_start(run.start, checkpoint, recipe),
            progress=step,
        )
    except ValueError as error:
        raise FailedPrecondition("OTHER_RUN", f"{error}, or remove {run.state} to begin anew") from error
    last = seen[-1]
    base = EMBEDDED_NAME if run.base is None else checkpoint.name
    facts |= {
        "run": identity,
        "specialist": run.config.name,
        **prompt_facts(run.config),
        "base": base,
        "start": None if run.start is None else Adapter.load(run.start).sha256,
        "added_to": None if run.added_to is None else Adapter.load(run.added_to).sha256,
        "recipe": asdict(recipe),
        "steps": last.step,
        "tokens": last.tokens,
        "seconds": round(last.seconds, 1),
        "loss": None if math.isnan(last.loss) else round(last.loss, 4),
        "device": _device(),
        "torch": str(torch.__version__),
    }
    matrices = {name: (a.numpy(), b.numpy()) for name, (a, b) in state.items()}
    if run.added_to is None:
        write_adapter(run.out, base=base, rank=recipe.rank, alpha=recipe.alpha, matrices=matrices, bits=_BITS)
    else:
        shutil.copytree(run.added_to, run.out, dirs_exist_ok=True)
        add_part(run.out, rank=recipe.rank, alpha=recipe.alpha, matrices=matrices, bits=_BITS)
    DraftTable.learn((example.target, example.sampled) for example in examples).save(run.out / DRAFTS_FILE)
    (run.out / TRAINING_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(run.state)
    return Outcome(run.out, facts)


def _start(
    folder: Path | None, checkpoint: Checkpoint, recipe: Recipe
) -> dict[str, tuple[Tensor, Tensor]] | None:
    """Returns the matrices to begin with, at this run's scale."""
    if folder is None:
        return None
    adapter = _checked(folder, checkpoint)
    scale = recipe.alpha / recipe.rank
    pairs = {name: adapter.low_rank(name) for name in adapter.matrices}
    return {name: (torch.tensor(a), torch.tensor(b / scale)) for name, (a, b) in pairs.items()}


def _checked(folder: Path, checkpoint: Checkpoint) -> Adapter:
    adapter = Adapter.load(folder)
    adapter.check(checkpoint)
    return adapter


def _open_base(base: Path | None) -> Checkpoint:
    if base is None:
        return GgufCheckpoint(embedded_gguf())
    return GgufCheckpoint(base) if base.is_file() else SafetensorsCheckpoint(base)


def _examples(
    run: Run, checkpoint: Checkpoint, watcher: Watcher
) -> tuple[list[EncodedExample], dict[str, object]]:
    """Returns the run's examples, from its state folder when it goes on."""
    path = run.state / "examples.npz"
    tokenizer = checkpoint.tokenizer_json()
    wish = _wish(run, tokenizer)
    if path.exists():
        examples, facts = read_encoded(path)
        if facts.pop("wish") != wish:
            raise FailedPrecondition(
                "OTHER_RUN",
                f"{run.state} holds an unfinished run with other data, options or configuration: name "
                "another output folder, or remove it to begin anew",
            )
        return examples, facts
    surface = get_surface(run.config.surface).compile(run.contract)
    encoder = Encoder(
        run.config,
        surface,
        tokenizer_json=tokenizer,
        vocab_size=checkpoint.config.vocab_size,
        eos=checkpoint.config.eos_token_ids,
        chat=checkpoint.config.chat_format,
    )
    watcher.stage("reading data", 0, 0)
    files = read_data_files(run.data)
    sources = Sources(run.recipe.seed, run.wanted, files, run.database, run.taken, run.variants)
    corpus = build_corpus(
        run.config,
        surface,
        encoder,
        sources,
        lambda done, of: watcher.stage("encoding examples", done, of),
    )
    facts = {
        "examples": corpus.counts,
        "examples_held_back": corpus.held_back,
        "left_out": dict(corpus.left_out),
    }
    write_encoded(path, corpus.examples, {**facts, "wish": wish})
    return corpus.examples, facts


def _wish(run: Run, tokenizer: str) -> str:
    """Returns a hash over all that decides the examples."""
    files = [data_sha256(path) for path in (*run.data, *([run.database] if run.database else ()))]
    if run.config.examples:
        files.append(data_sha256(run.config.folder / run.config.examples))
    files += [Adapter.load(folder).sha256 for folder in (run.start, run.added_to) if folder is not None]
    facts = [prompt_facts(run.config), run.recipe.seed, run.wanted, run.taken, run.variants, files]
    return hashlib.sha256((json.dumps(facts) + tokenizer).encode()).hexdigest()


def _identity(run: Run, tokenizer: str) -> str:
    """Returns a hash over all that decides the adapter, by which a run that is done is known again."""
    free = ("threads", "checkpoint_s")
    recipe = {name: value for name, value in asdict(run.recipe).items() if name not in free}
    text = json.dumps([_wish(run, tokenizer), recipe, str(run.base)])
    return hashlib.sha256(text.encode()).hexdigest()


def _recorded(run: Run) -> dict[str, object]:
    path = run.out / TRAINING_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except ValueError as error:
        raise DataLoss("TRAINING_RECORD_DAMAGED", f"{path} cannot be read: {error}; remove it") from error


def _steps_for(examples: list[EncodedExample], run: Run) -> int:
    """Returns the batches of a sensible number of epochs."""
    epochs = _EPOCHS_OF_GENERATED if run.wanted else _EPOCHS_OF_VARIANTS
    if run.variants == 0 and not run.wanted:
        epochs = _EPOCHS_OF_EXAMPLES
    # A pack reads its prefix once; counting it with every example is what an unpacked epoch would read.
    tokens = sum(len(example) - example.shared for example in examples)
    return max(_FEWEST_STEPS, math.ceil(epochs * tokens / run.recipe.batch_tokens))


def _device() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"CPU {platform.machine()}"
