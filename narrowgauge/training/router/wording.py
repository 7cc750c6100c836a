"""The wording of sub-tasks: templates by specialist, with slots filled from lists (`wording.toml`).

Templates are divided between train and dev by `part_of`, so that no dev wording is ever trained on; slot
values are shared. What `wording_train.toml` adds is for training alone; a template there stands for many, and
one that would come out as a template held back is drawn again (`held_back`).
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = [
    "REFERRING",
    "SLOTS",
    "TASKS",
    "TRAIN_REFERRING",
    "TRAIN_TASKS",
    "bare",
    "choose",
    "fill",
    "held_back",
    "part_of",
]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))


def _referring(groups: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(g["specialist"], g["kind"], template) for g in groups for template in g["templates"]]


_FILE = _read("wording.toml")
_TRAIN = _read("wording_train.toml")

SLOTS: dict[str, list[str]] = _FILE["slots"]
"""Values by slot."""

TASKS: dict[str, list[str]] = _FILE["tasks"]
"""Templates of sub-tasks that stand alone, by specialist; `other` is what none of ours serves."""

REFERRING: list[tuple[str, str, str]] = _referring(_FILE["referring"])
"""(specialist, kind, template) of sub-tasks that need an earlier result; `all` needs everything so far."""

TRAIN_TASKS: dict[str, list[str]] = _TRAIN["tasks"]
TRAIN_REFERRING: list[tuple[str, str, str]] = _referring(_TRAIN["referring"])
"""Like `TASKS` and `REFERRING`, with choices."""

_SLOT = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def part_of(template: str) -> str:
    """Returns `dev` for about one template in seven, `train` for the others; stable for ever."""
    return "dev" if hashlib.sha256(template.encode()).digest()[0] % 7 == 0 else "train"


def fill(template: str, rng: random.Random) -> str:
    """Fills every slot, also slots within values."""
    while match := _SLOT.search(template):
        value = rng.choice(SLOTS[match.group(1)])
        template = template[: match.start()] + value + template[match.end() :]
    return template


def choose(template: str, rng: random.Random) -> str:
    """Takes one of each choice `[x|y]`, the innermost first."""
    while match := _CHOICE.search(template):
        value = rng.choice(match.group(1).split("|"))
        template = template[: match.start()] + value + template[match.end() :]
    return template.replace(" 's", "'s")


def held_back(items: Iterable[str]) -> frozenset[str]:
    """What training must not draw: the letters of items of dev, or their signs where they have no letter."""
    return frozenset(bare(item) for item in items)


def bare(item: str) -> str:
    """Letters and digits of an item, in lower case; its signs without blanks where it has none."""
    letters = "".join(c for c in item.lower() if c.isalnum() or c in "{}")
    return letters or item.replace(" ", "")
