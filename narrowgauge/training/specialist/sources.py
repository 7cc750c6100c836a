"""Where the examples of a training run come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from narrowgauge.training.specialist.data_files import DataFiles

__all__ = ["Sources"]

# Turns after a refused call, as a share of the requests generated.
_RECOVERED = 0.1


@dataclass(frozen=True)
class Sources:
    """Where examples come from.

    Attributes:
        seed: Of all that is drawn.
        generated: Examples to generate; 0 for none.
        files: What the data files hold.
        taken: Questions to take from each data file, drawn by chance.
        database: SQLite database that SQL questions are about; None for the demo warehouse.
        variants: Variants to make of a user's own examples; None for as many as are worth their time.
    """

    seed: int
    generated: int
    files: DataFiles
    database: Path | None = None
    taken: int = 1000
    variants: int | None = None

    @property
    def recovered(self) -> int:
        """Turns after a refused call to take."""
        return round(self.generated * _RECOVERED)
