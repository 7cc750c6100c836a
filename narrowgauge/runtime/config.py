"""One frozen dataclass a process, read from the environment once and validated before anything starts.

```python
@dataclass(frozen=True)
class RouterConfig:
    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:50051")
    bundle: Path = env("NARROWGAUGE_BUNDLE", "folder that `narrowgauge compile` wrote")
    max_steps: int = env("NARROWGAUGE_MAX_STEPS", "steps a plan may have", default=16, minimum=1)
```
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from narrowgauge.errors import InvalidRequest

__all__ = ["config_text", "env", "print_config", "read_config"]

T = TypeVar("T")

_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("0", "false", "no", "off"))


def env(
    name: str,
    help: str,
    *,
    default: Any = dataclasses.MISSING,
    secret: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declares a dataclass field that an environment variable sets.

    Args:
        name: The variable.
        help: What it means, in a few words; part of every error about it.
        default: Value when the variable is unset or empty; without one the variable is required.
        secret: Its value is never printed.
        minimum: Least number allowed.
        maximum: Greatest number allowed.
        choices: The only strings allowed.
    """
    metadata = {
        "env": name,
        "help": help,
        "secret": secret,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
    }
    return dataclasses.field(default=default, metadata=metadata)


def read_config(cls: type[T], environ: Mapping[str, str]) -> T:
    """Reads a frozen dataclass from the environment.

    Fields have the types `str`, `int`, `float`, `bool`, `Path`, `tuple[X, ...]` ("a,b"), `dict[str, X]` or
    `Mapping[str, X]` ("a=b,c=d"), `X | None`, or another dataclass of such fields.

    Raises:
        InvalidRequest: `BAD_CONFIG`, with the variable's name and what it should hold.
    """
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # `type[T]` cannot say "of a dataclass"
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            values[field.name] = read_config(hint, environ)
        elif "env" in field.metadata:
            value = _read_field(field, hint, environ)
            if value is not dataclasses.MISSING:
                values[field.name] = value
    try:
        return cls(**values)
    except ValueError as exc:  # a `__post_init__` that relates several fields
        raise InvalidRequest("BAD_CONFIG", str(exc)) from exc


def config_text(config: object) -> str:
    """Returns one `VARIABLE=value  # meaning` line a field, secrets masked."""
    lines: list[str] = []
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            lines.append(config_text(value))
        elif "env" in field.metadata:
            shown = "********" if field.metadata.get("secret") and value else _shown(value)
            lines.append(f"{field.metadata['env']}={shown}  # {field.metadata.get('help', '')}")
    return "\n".join(lines)


def print_config(config: object) -> None:
    """Prints `config_text` on stdout."""
    print(config_text(config), flush=True)


def _read_field(field: dataclasses.Field[Any], hint: Any, environ: Mapping[str, str]) -> Any:
    name = field.metadata["env"]
    text = environ.get(name, "").strip()
    if not text:
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidRequest(
                "BAD_CONFIG",
                f"{name} is not set: {field.metadata.get('help', 'it is required')}",
                metadata={"variable": name},
            )
        return dataclasses.MISSING
    try:
        value = _convert(text, hint)
        _check(value, field.metadata)
    except ValueError as exc:
        shown = "its value" if field.metadata.get("secret") else repr(text)
        meaning = field.metadata.get("help", "")
        raise InvalidRequest(
            "BAD_CONFIG", f"{name}: {shown} {exc} ({meaning})", metadata={"variable": name}
        ) from exc
    return value


def _convert(text: str, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _convert(text, next(argument for argument in arguments if argument is not type(None)))
    if origin is tuple:
        return tuple(_convert(part.strip(), arguments[0]) for part in text.split(",") if part.strip())
    if origin is not None and issubclass(origin, Mapping):
        return _convert_mapping(text, arguments[1])
    if hint is bool:
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise ValueError("is neither true nor false")
    if hint is int:
        return _number(text, int, "is not a whole number")
    if hint is float:
        return _number(text, float, "is not a number")
    if hint is Path:
        return Path(text).expanduser()
    if hint is str:
        return text
    raise TypeError(f"no reader for configuration fields of type {hint}")


def _number(text: str, kind: type[int] | type[float], complaint: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(complaint) from None


def _convert_mapping(text: str, hint: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ValueError(f"has the entry {part.strip()!r}, which is not of the form name=value")
        if key.strip() in values:
            raise ValueError(f"names {key.strip()!r} twice")
        values[key.strip()] = _convert(value.strip(), hint)
    return values


def _check(value: Any, metadata: Mapping[str, Any]) -> None:
    minimum, maximum, choices = (metadata.get(key) for key in ("minimum", "maximum", "choices"))
    if minimum is not None and not value >= minimum:  # `not >=` refuses NaN too
        raise ValueError(f"is less than {minimum:g}")
    if maximum is not None and not value <= maximum:
        raise ValueError(f"is more than {maximum:g}")
    if choices and value not in choices:
        raise ValueError(f"is not one of {', '.join(choices)}")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_shown(entry)}" for key, entry in value.items())
    if isinstance(value, tuple):
        return ",".join(_shown(entry) for entry in value)
    return str(value)
