"""One specialist as a process serves it: contract, surface, prompt and decode backend."""

from __future__ import annotations

from dataclasses import dataclass, field

from narrowgauge.contracts.closed_sets import FIGURES
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.prompts import ChatFormat, build_prompt
from narrowgauge.contracts.shots import Shot, nearest_shots
from narrowgauge.contracts.surfaces.surface import CompiledSurface
from narrowgauge.models.draft_table import DraftTable
from specialist_svc.constraints import Constraints
from specialist_svc.engine.backend import DecodeBackend
from specialist_svc.inputs import InputLimits

__all__ = ["Specialist"]


@dataclass(frozen=True)
class Specialist:
    """Everything that turns of a sub-task need; shared by all of them.

    Attributes:
        surface: How calls are written, of the contract.
        chat: The model family's chat format.
        instruction: System text.
        shots: Shown before a request; none for a tuned specialist.
        catalogue_chars: Most characters of catalogue text in a prompt.
        schema_links: Whether prompts say which words of a request name what of the catalogue.
        drafts: What it most often writes; None when that is not known.
        backend: What decodes.
        max_output_tokens: Upper bound on a call's tokens.
        max_redecodes: Times that a call is decoded again when it breaks a rule outside the constraint.
        limits: Bounds of the input.
        bundle_hash: Hash of the bundle.
        model_hash: Hash of the model's files.
        model_name: The model's name.
    """

    surface: CompiledSurface
    chat: ChatFormat
    instruction: str
    shots: tuple[Shot, ...]
    catalogue_chars: int
    schema_links: bool
    drafts: DraftTable | None
    backend: DecodeBackend
    max_output_tokens: int
    max_redecodes: int
    limits: InputLimits
    bundle_hash: str
    model_hash: str
    model_name: str
    shared: str = field(init=False)
    constraints: Constraints = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shots = self.shots if not self._chooses_shots else ()
        prompt = build_prompt(self.chat, self.instruction, shots, request="")
        object.__setattr__(self, "shared", prompt.shared)
        object.__setattr__(self, "constraints", Constraints(self.surface))

    @property
    def contract(self) -> Contract:
        """The contract."""
        return self.surface.contract

    @property
    def is_about_context(self) -> bool:
        """Whether calls quote their context, so that there is none without one."""
        return FIGURES in self.surface.closed_sets

    @property
    def _chooses_shots(self) -> bool:
        return len(nearest_shots(self.shots, "")) < len(self.shots)
