"""Fixtures of the contract compiler's tests."""

from __future__ import annotations

import pytest
from surface_cases import SURFACE_CASES, SurfaceCase


@pytest.fixture(params=sorted(SURFACE_CASES))
def surface_case(request: pytest.FixtureRequest) -> SurfaceCase:
    return SURFACE_CASES[request.param]()
