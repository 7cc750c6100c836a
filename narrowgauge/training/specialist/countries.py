"""A country as people write it."""

from __future__ import annotations

import random

from narrowgauge.contracts.countries import short_names

__all__ = ["said_country"]

_SHORTENED = 0.35


def said_country(country: str, rng: random.Random) -> str:
    """Returns a country as people write it: some in letters only."""
    short = short_names(country)
    return rng.choice(short) if short and rng.random() < _SHORTENED else country
