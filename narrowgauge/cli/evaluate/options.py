"""What an evaluation is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EvalOptions"]


@dataclass(frozen=True)
class EvalOptions:
    """Options of `narrowgauge eval`.

    Attributes:
        data: The records.
        limit: Records at most; 0 for all.
        address: Of a specialist or router that runs already; empty to start one.
        bundle: Folder of the bundle to serve; None for that of NARROWGAUGE_HOME.
        model: Checkpoint to serve; None for the embedded one.
        schemas: Schemas or tools that records refer to; None looks beside the data.
        parallel: Requests at once.
        adapter: Of `eval call`: a folder, `none` for the base alone, None for the adapter that is carried.
        catalogues: Of `eval plan`: plan with the catalogues of the demo systems.
    """

    data: Path
    limit: int = 0
    address: str = ""
    bundle: Path | None = None
    model: Path | None = None
    schemas: Path | None = None
    parallel: int = 1
    adapter: str | None = None
    catalogues: bool = False
