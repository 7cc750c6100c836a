"""The surface `compact`: calls of any contract without what their schema implies."""

from narrowgauge.contracts.surfaces.compact.surface import CompactSurface, CompiledCompact

__all__ = ["CompactSurface", "CompiledCompact"]
