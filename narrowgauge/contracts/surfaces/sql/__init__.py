"""The surface `sql`: a structured query as canonical SQL text, which a pre-trained model already speaks."""

from narrowgauge.contracts.surfaces.sql.surface import SqlSurface

__all__ = ["SqlSurface"]
