"""Closed sets and grammars of sub-tasks; what only the catalogue decides is made once for each catalogue."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from narrowgauge.contracts.closed_sets import TEXT_SETS, catalogue_sets, text_sets
from narrowgauge.contracts.surfaces.surface import ClosedSets, CompiledSurface
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["Constraints"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Constraints:
    """Makes constraints for one surface. Safe to use from several threads."""

    def __init__(self, surface: CompiledSurface, *, remembered: int = 32) -> None:
        self._surface = surface
        self._own = sorted(surface.closed_sets.intersection(TEXT_SETS))
        self._sets: _Recent[str, ClosedSets] = _Recent(remembered)
        self._grammars: _Recent[tuple[object, ...], str] = _Recent(remembered)

    def closed_sets(self, catalogue: Catalogue, *, request: str, source: str) -> ClosedSets:
        """Returns the closed sets of a sub-task.

        Raises:
            InvalidRequest: The catalogue has a closed set with the name of a derived one.
        """
        base = self._sets.get(catalogue.hash, lambda: catalogue_sets(catalogue))
        return {**base, **text_sets(request, source)}

    def grammar(self, catalogue: Catalogue, closed_sets: ClosedSets) -> str:
        """Returns the grammar for closed sets that `closed_sets` made.

        Raises:
            FailedPrecondition: A closed set that a required field needs is missing or empty.
        """
        key = (catalogue.hash, *(tuple(closed_sets[name]) for name in self._own))
        return self._grammars.get(key, lambda: self._surface.grammar(closed_sets))


class _Recent(Generic[_K, _V]):
    """Keeps the values that were used last."""

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._values: OrderedDict[_K, _V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._remembered:
                self._values.popitem(last=False)
        return value
