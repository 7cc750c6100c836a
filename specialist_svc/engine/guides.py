"""Which guides a backend works with."""

from __future__ import annotations

from specialist_svc.engine.guide import GuideFactory, LlguidanceGuides
from specialist_svc.engine.tokenizer import ModelTokenizer

__all__ = ["guides_of"]


def guides_of(name: str, tokenizer: ModelTokenizer) -> GuideFactory:
    """Makes the guides of a name out of `narrowgauge.contracts.specialist.GUIDES`."""
    if name == "outlines_core":
        from specialist_svc.engine.outlines_guide import OutlinesCoreGuides

        return OutlinesCoreGuides(tokenizer)
    return LlguidanceGuides(tokenizer)
