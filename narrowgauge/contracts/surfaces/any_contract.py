"""What the surfaces for any contract share: the grammar by closed sets, the bundle's record, the checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from narrowgauge.contracts.constraint.coverage import Coverage
from narrowgauge.contracts.constraint.fields import is_derived, values_from
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import MessageGrammar
from narrowgauge.contracts.contract import Contract, Tool
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported

__all__ = ["CompiledForAnyContract", "SurfaceForAnyContract"]


class CompiledForAnyContract(ABC):
    """The constraint of one contract, whatever its messages are. Immutable."""

    name: ClassVar[str]
    """The surface's name."""

    def __init__(self, contract: Contract, limits: Limits) -> None:
        """Compiles.

        Raises:
            Unsupported: A field has no constraint; names it and says why.
        """
        self.contract = contract
        self._limits = limits
        # Closed sets are not known yet: their fields stand as plain strings in this grammar.
        self._skeleton, grammar = self._compiled(None)
        self._coverage = grammar.coverage
        self._closed_sets = frozenset(grammar.closed_set_names)
        # Keyed by the sets' contents: a catalogue rarely changes between requests.
        self._text = lru_cache(maxsize=8)(self._grammar_text)

    @property
    def closed_sets(self) -> frozenset[str]:
        """Names of the closed sets that `grammar` needs."""
        return self._closed_sets

    @property
    def coverage(self) -> Coverage:
        """Which rules the constraint guarantees, and which protovalidate has to check."""
        return self._coverage

    def grammar(self, closed_sets: ClosedSets) -> str:
        """Returns the grammar of all valid calls in llguidance's Lark dialect.

        Raises:
            FailedPrecondition: A closed set that every call needs is missing or empty.
        """
        needed = tuple((name, tuple(closed_sets.get(name, ()))) for name in sorted(self._closed_sets))
        return self._text(needed)

    def artefact(self) -> Mapping[str, object]:
        """Returns what the compiler writes into the bundle, as JSON values."""
        return {
            "grammar": self._skeleton,
            "rules_in_constraint": [list(claim) for claim in sorted(self._coverage.claims)],
            "rules_checked_after": [
                [field, rule, reason] for (field, rule), reason in sorted(self._coverage.left.items())
            ],
        }

    @abstractmethod
    def _begun(self, closed_sets: ClosedSets | None) -> MessageGrammar:
        """A grammar without messages; the closed sets are None when they are not known yet."""

    @abstractmethod
    def _call(self, tool: Tool, request: str) -> str:
        """The expression of a tool's call, given the symbol of its request."""

    def _grammar_text(self, closed_sets: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
        text, grammar = self._compiled(dict(closed_sets))
        if not text:
            missing = ", ".join(sorted(grammar.missing))
            raise FailedPrecondition(
                "CLOSED_SET_EMPTY",
                f"every call of {self.contract.service} needs the closed sets {missing}, for which the "
                "catalogue has no allowed values",
                metadata={"closed_sets": missing},
            )
        return text

    def _compiled(self, closed_sets: ClosedSets | None) -> tuple[str, MessageGrammar]:
        """The grammar, empty when closed sets are missing for every tool."""
        grammar = self._begun(closed_sets)
        starts = []
        for tool in self.contract.tools:
            start = grammar.request(tool.request)
            if start is None and not grammar.missing:
                raise Unsupported(
                    "UNSUPPORTED_MESSAGE",
                    f"{tool.request.full_name}: no finite message has its required fields within "
                    f"{self._limits.depth} levels of recursion",
                    metadata={"field": tool.request.full_name},
                )
            if start is not None:
                starts.append(self._call(tool, start))
        return grammar.lark.text(" | ".join(starts)) if starts else "", grammar

    def _check_members(self, request: Message, closed_sets: ClosedSets) -> None:
        """Refuses values that are not in their closed sets, which text that no mask guarded can have."""
        write_message(request, lambda descriptor, value: _check_member(descriptor, value, closed_sets))

    def _check_bounds(self, descriptor: FieldDescriptor, value: Any) -> bool:
        """Refuses values beyond the grammar's bounds; says whether the field is written at all."""
        if is_derived(descriptor):
            return False
        bound = self._coverage.bounds.get(descriptor.full_name)
        many = descriptor.is_repeated
        sizes = [len(value)] if many or isinstance(value, str) else []
        if bound is not None and any(size > bound for size in sizes):
            raise InvalidRequest(
                "OUT_OF_BOUNDS",
                f"{descriptor.full_name}: {max(sizes)} is more than the {bound} that this surface writes",
                field_violations=[(descriptor.full_name, f"at most {bound}")],
            )
        return True


CompiledT = TypeVar("CompiledT", bound=CompiledForAnyContract)


class SurfaceForAnyContract(Generic[CompiledT]):
    """A surface that compiles any contract whose fields have constraints."""

    def __init__(self, compiled: type[CompiledT], limits: Limits | None = None) -> None:
        """Makes a surface.

        Args:
            compiled: What a contract is compiled into.
            limits: Bounds for fields whose contract sets none.
        """
        self._compiled = compiled
        self._limits = limits or Limits()

    @property
    def name(self) -> str:
        """The surface's name."""
        return self._compiled.name

    def compile(self, contract: Contract) -> CompiledT:
        """Compiles a contract.

        Raises:
            Unsupported: A field has no constraint; names it and says why.
        """
        return self._compiled(contract, self._limits)


def _check_member(descriptor: FieldDescriptor, value: Any, closed_sets: ClosedSets) -> bool:
    name = values_from(descriptor)
    if not name or name not in closed_sets:
        return True
    allowed = closed_sets[name]
    for item in [value] if isinstance(value, str) else value:
        if item and item not in allowed:
            raise InvalidRequest(
                "NOT_IN_CLOSED_SET",
                f"{descriptor.full_name}: {item!r} is none of the {len(allowed)} values of {name}",
                field_violations=[(descriptor.full_name, f"{item!r} is not in {name}")],
            )
    return True
