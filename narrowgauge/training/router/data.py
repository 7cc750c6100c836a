"""What the router is trained on: public corpora in a folder, or labelled requests of one's own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from narrowgauge.errors import InvalidRequest
from narrowgauge.routing.compiler import NEGATIVES
from narrowgauge.training.router.corpora import external_tasks, labelled_tasks, read_jsonl, taskbench_texts
from narrowgauge.training.router.plans import Pool

__all__ = ["RouterData", "read_router_data"]

_LONGEST = 200  # characters of a general text


@dataclass(frozen=True)
class RouterData:
    """Sub-tasks beside those of our own wording.

    Attributes:
        train: By corpus, to train on.
        dev: By corpus, of which plans to calibrate on are composed; empty for our own wording alone.
        general: Texts whose vectors are to stay as they are.
    """

    train: Pool
    dev: Pool
    general: tuple[str, ...]

    def sample(self, seed: int, count: int) -> list[str]:
        """Draws texts, with repetition."""
        rng = random.Random(seed)
        return [rng.choice(self.general) for _ in range(count)]


def read_router_data(paths: Sequence[Path]) -> RouterData:
    """Reads data to train a router on.

    Args:
        paths: One folder with `clinc150`, `hwu64`, `snips`, `spider`, `wikisql`, `text2sql_advising`,
            `taskbench_requests` and `seal_tools`; or files of JSON Lines `{"text": …, "intent": …}`, plain or
            xz, each of which is a corpus whose intents compete. `oos` is what none of its intents serves.

    Raises:
        InvalidRequest: A line is not of this form, there is none, or folders and files are mixed.
    """
    if not paths or (any(path.is_dir() for path in paths) and len(paths) > 1):
        raise InvalidRequest(
            "BAD_ARGUMENT", "name one folder of public corpora, or files of labelled requests: --data PATH"
        )
    if paths[0].is_dir():
        folder = paths[0]
        try:
            general = taskbench_texts(folder)
            general += [row["query"] for row in read_jsonl(folder / "seal_tools" / "dev.jsonl.xz")]
            train, dev = external_tasks(folder, "train"), external_tasks(folder, "dev")
        except FileNotFoundError as error:
            raise InvalidRequest("BAD_ARGUMENT", f"{folder} lacks {error.filename}") from error
        return RouterData(train, dev, tuple(text for text in general if len(text) < _LONGEST))
    corpora = {path.name.split(".")[0]: labelled_tasks(path) for path in paths}
    if len(corpora) < len(paths):
        raise InvalidRequest("BAD_ARGUMENT", "two data files have the same name: it names their corpus")
    general = [line for line in NEGATIVES.read_text(encoding="utf-8").splitlines() if line.strip()]
    general += [task[0] for tasks in corpora.values() for task in tasks if len(task[0]) < _LONGEST]
    return RouterData(corpora, {}, tuple(general))
