"""The wording of sub-tasks: templates by specialist, with slots filled from lists (`wording.toml`).

Templates are divided between train and dev by `part_of`, so that no dev wording is ever trained on; slot
values are shared.
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from pathlib import Path

__all__ = ["REFERRING", "SLOTS", "TASKS", "fill", "part_of"]

_FILE = tomllib.loads((Path(__file__).parent / "wording.toml").read_text(encoding="utf-8"))

SLOTS: dict[str, list[str]] = _FILE["slots"]
"""Values by slot."""

TASKS: dict[str, list[str]] = _FILE["tasks"]
"""Templates of sub-tasks that stand alone, by specialist; `other` is what none of ours serves."""

REFERRING: list[tuple[str, str, str]] = [
    (group["specialist"], group["kind"], template)
    for group in _FILE["referring"]
    for template in group["templates"]
]
"""(specialist, kind, template) of sub-tasks that need an earlier result; `all` needs everything so far."""

_SLOT = re.compile(r"\{(\w+)\}")


def part_of(template: str) -> str:
    """Returns `dev` for about one template in seven, `train` for the others; stable for ever."""
    return "dev" if hashlib.sha256(template.encode()).digest()[0] % 7 == 0 else "train"


def fill(template: str, rng: random.Random) -> str:
    """Fills every slot, also slots within values."""
    while match := _SLOT.search(template):
        value = rng.choice(SLOTS[match.group(1)])
        template = template[: match.start()] + value + template[match.end() :]
    return template
