"""Catalogues by hash: a caller sends one once, and names it afterwards."""

from __future__ import annotations

from collections import OrderedDict

from narrowgauge.contracts.closed_sets import catalogue_hash
from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.v1.catalogue_pb2 import Catalogue

__all__ = ["Catalogues"]


class Catalogues:
    """The last catalogues seen. Used by one event loop."""

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._known: OrderedDict[str, Catalogue] = OrderedDict()

    def resolve(self, sent: Catalogue) -> Catalogue:
        """Returns the catalogue that a sub-task is about.

        Args:
            sent: A whole catalogue, a hash alone, or an empty message for none.

        Raises:
            FailedPrecondition: CATALOGUE_UNKNOWN: only a hash was sent and it has not been seen, or not
            lately. InvalidRequest: The hash is not that of the content.
        """
        has_body = bool(sent.entities or sent.closed_sets or sent.dialect)
        if not has_body:
            return self._known_as(sent.hash) if sent.hash else sent
        actual = catalogue_hash(sent)
        if sent.hash and sent.hash != actual:
            raise InvalidRequest(
                "CATALOGUE_HASH",
                f"the catalogue's hash is {sent.hash}, that of its content is {actual}; send the content's",
                field_violations=[("start.catalogue.hash", f"must be {actual}")],
            )
        if actual not in self._known:
            kept = Catalogue()
            kept.CopyFrom(sent)
            kept.hash = actual
            self._known[actual] = kept
        self._known.move_to_end(actual)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return self._known[actual]

    def _known_as(self, digest: str) -> Catalogue:
        catalogue = self._known.get(digest)
        if catalogue is None:
            raise FailedPrecondition(
                "CATALOGUE_UNKNOWN",
                "this specialist does not hold the catalogue of that hash; send the whole catalogue",
                metadata={"hash": digest},
            )
        self._known.move_to_end(digest)
        return catalogue
