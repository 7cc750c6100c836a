"""What a Dockerfile says, as far as the tests ask."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One `FROM` with its instructions."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """Its stages by name, build arguments replaced by their defaults in `FROM`."""

    stages: dict[str, Stage]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        """Reads a Dockerfile."""
        text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        arguments: dict[str, str] = {}
        stages: dict[str, Stage] = {}
        stage: Stage | None = None
        for line in re.sub(r"\\\n", " ", text).splitlines():
            keyword, _, rest = line.strip().partition(" ")
            if keyword == "FROM":
                base, _, name = rest.partition(" AS ")
                base = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], base)
                stage = stages[name] = Stage(name, base)
            elif keyword and stage is None:
                name, _, value = rest.partition("=")
                arguments[name] = value
            elif keyword and stage is not None:
                stage.instructions.append((keyword, rest))
        return cls(stages)

    def lineage(self, target: str) -> list[Stage]:
        """Returns a target's stages, the base first."""
        stage = self.stages[target]
        return [*(self.lineage(stage.base) if stage.base in self.stages else []), stage]

    def all_of(self, target: str, keyword: str) -> list[str]:
        """Returns the instructions of one kind, inherited ones first."""
        return [
            rest for stage in self.lineage(target) for word, rest in stage.instructions if word == keyword
        ]

    def environment(self, target: str) -> dict[str, str]:
        """Returns the variables that a target sets; PATH as it is written."""
        return dict(
            pair.split("=", 1)
            for rest in (self.all_of(target, "ENV") if target else [])
            for pair in shlex.split(rest)
        )

    def command(self, target: str) -> list[str]:
        """Returns a target's arguments to its entry point."""
        return list(json.loads(self.all_of(target, "CMD")[-1]))
