"""What the surfaces that are made for one service share: they refuse any other contract."""

from __future__ import annotations

from collections.abc import Callable

from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.errors import Unsupported

__all__ = ["SurfaceForOneService"]


class SurfaceForOneService:
    """A surface that writes the requests of one service."""

    def __init__(self, name: str, service: str, compiled: Callable[[Contract], CompiledSurface]) -> None:
        """Makes a surface.

        Args:
            name: Its name.
            service: Full name of the service.
            compiled: Compiles the service's contract.
        """
        self._name = name
        self._service = service
        self._compiled = compiled

    @property
    def name(self) -> str:
        """The surface's name."""
        return self._name

    def compile(self, contract: Contract) -> CompiledSurface:
        """Compiles the service's contract.

        Raises:
            Unsupported: It is another contract.
        """
        if contract.service != self._service:
            raise Unsupported(
                "SURFACE_NOT_FOR_CONTRACT",
                f"the surface {self._name} writes calls of {self._service} only; use protojson for "
                f"{contract.service}",
            )
        return self._compiled(contract)
