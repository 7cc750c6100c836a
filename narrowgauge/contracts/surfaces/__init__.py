"""Surfaces: how a specialist writes a message. One file an implementation."""

from __future__ import annotations

from narrowgauge.contracts.surfaces.surface import ClosedSets, CompiledAhead, CompiledSurface, Surface
from narrowgauge.errors import NotFound

__all__ = ["SURFACES", "ClosedSets", "CompiledAhead", "CompiledSurface", "Surface", "get_surface"]

SURFACES = ("compact", "protojson", "salesforce", "sql")
"""Names of all surfaces."""


def get_surface(name: str) -> Surface:
    """Returns a surface by name.

    Raises:
        NotFound: There is no such surface.
    """
    match name:
        case "compact":
            from narrowgauge.contracts.surfaces.compact import CompactSurface

            return CompactSurface()
        case "protojson":
            from narrowgauge.contracts.surfaces.protojson import ProtoJsonSurface

            return ProtoJsonSurface()
        case "salesforce":
            from narrowgauge.contracts.surfaces.salesforce import SalesforceSurface

            return SalesforceSurface()
        case "sql":
            # Imported on use: sqlglot takes 0.2 s to load.
            from narrowgauge.contracts.surfaces.sql import SqlSurface

            return SqlSurface()
    raise NotFound("NO_SUCH_SURFACE", f"there is no surface {name!r}; there are {', '.join(SURFACES)}")
