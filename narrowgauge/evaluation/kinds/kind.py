"""What a kind of evaluation is that asks one specialist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from narrowgauge.evaluation.answers import Answer, Case
from narrowgauge.evaluation.report import Report

__all__ = ["SpecialistKind"]


class SpecialistKind(Protocol):
    """Records of one kind, with what is sent for each and how the answers are measured."""

    @property
    def specialist(self) -> str:
        """Name of the specialist that is asked."""

    @property
    def cases(self) -> Sequence[Case]:
        """What is sent, one for each record."""

    def score(self, answers: Sequence[Sequence[Answer]], report: Report) -> None:
        """Adds metrics and failures.

        Args:
            answers: The turns of each record, in the order of `cases`; each has at least one.
            report: What they are added to.
        """
