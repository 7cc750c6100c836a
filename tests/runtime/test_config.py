"""Configuration from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.config import config_text, env, read_config


@dataclass(frozen=True)
class Limits:
    """Nested."""

    slots: int = env("T_SLOTS", "slots", default=4, minimum=1, maximum=64)
    timeout_s: float = env("T_TIMEOUT_S", "seconds", default=1.5, minimum=0)


@dataclass(frozen=True)
class Config:
    """Every type of field."""

    path: Path = env("T_PATH", "a folder")
    name: str = env("T_NAME", "a name", default="x", choices=("x", "y"))
    token: str = env("T_TOKEN", "a token", default="", secret=True)
    on: bool = env("T_ON", "a switch", default=False)
    peers: Mapping[str, str] = field(
        default_factory=dict, metadata={"env": "T_PEERS", "help": "peers", "secret": False}
    )
    words: tuple[str, ...] = env("T_WORDS", "words", default=())
    limit: int | None = env("T_LIMIT", "a limit", default=None)
    limits: Limits = field(default_factory=Limits)


def test_every_type_is_read() -> None:
    """Paths, choices, switches, mappings, tuples, optional numbers and nested dataclasses have readers."""
    config = read_config(
        Config,
        {
            **{
                "T_PATH": "/a",
                "T_NAME": "y",
                "T_TOKEN": "s",
                "T_ON": "yes",
                "T_PEERS": "a=1:2, b=http://c?d=e",
            },
            **{"T_WORDS": "p, q", "T_LIMIT": "3", "T_SLOTS": "8", "T_TIMEOUT_S": "0.25"},
        },
    )
    assert config == Config(
        *(Path("/a"), "y", "s", True, {"a": "1:2", "b": "http://c?d=e"}, ("p", "q"), 3, Limits(8, 0.25))
    )


def test_defaults_hold_where_nothing_is_set() -> None:
    """Unset and empty variables mean the default."""
    assert read_config(Config, {"T_PATH": "/a", "T_NAME": " ", "T_LIMIT": ""}) == Config(Path("/a"))


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "T_PATH is not set: a folder"),
        ({"T_NAME": "z"}, "T_NAME: 'z' is not one of x, y (a name)"),
        ({"T_ON": "maybe"}, "T_ON: 'maybe' is neither true nor false (a switch)"),
        ({"T_SLOTS": "many"}, "T_SLOTS: 'many' is not a whole number (slots)"),
        ({"T_SLOTS": "0"}, "T_SLOTS: '0' is less than 1 (slots)"),
        ({"T_SLOTS": "65"}, "T_SLOTS: '65' is more than 64 (slots)"),
        ({"T_TIMEOUT_S": "nan"}, "T_TIMEOUT_S: 'nan' is less than 0 (seconds)"),
        ({"T_PEERS": "a"}, "T_PEERS: 'a' has the entry 'a', which is not of the form name=value (peers)"),
        ({"T_PEERS": "a=1,a=2"}, "T_PEERS: 'a=1,a=2' names 'a' twice (peers)"),
    ],
)
def test_an_error_names_variable_value_and_meaning(environ: dict[str, str], words: str) -> None:
    """Whoever reads the error knows which variable to change, and to what."""
    if environ:
        environ = {"T_PATH": "/a", **environ}
    with pytest.raises(InvalidRequest) as caught:
        read_config(Config, environ)
    assert caught.value.reason == "BAD_CONFIG"
    assert caught.value.message == words


def test_an_error_about_a_secret_does_not_show_it() -> None:
    """A mistyped secret does not land in a log."""

    @dataclass(frozen=True)
    class Secretive:
        pin: int = env("T_PIN", "a pin", secret=True)

    with pytest.raises(InvalidRequest) as caught:
        read_config(Secretive, {"T_PIN": "12x4"})
    assert "12x4" not in caught.value.message


def test_a_printed_config_masks_secrets() -> None:
    """Every variable is shown with its value and meaning, except secret values."""
    shown = config_text(Config(Path("/a"), token="hunter2", peers={"a": "b"}))
    assert "T_PATH=/a  # a folder" in shown
    assert "T_PEERS=a=b  # peers" in shown
    assert "T_SLOTS=4  # slots" in shown
    assert "T_TOKEN=********" in shown
    assert "hunter2" not in shown
