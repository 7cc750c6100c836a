"""Fixtures of the clients' tests."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def unused_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"
