"""The surface `salesforce`: record operations and structured SOQL as one short line, the object first."""

from narrowgauge.contracts.surfaces.salesforce.surface import SalesforceSurface

__all__ = ["SalesforceSurface"]
