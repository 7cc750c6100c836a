"""The folder that holds what Narrowgauge writes on one machine, and what runs from it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from narrowgauge.errors import FailedPrecondition, Unavailable

__all__ = ["Home", "Running"]


@dataclass(frozen=True)
class Running:
    """The system that `narrowgauge up` started here.

    Attributes:
        pid: The process of `up`.
        router: The router's address.
        sink: The trace sink's address; empty when traces go to an endpoint of the user's.
        processes: Address of every process by name.
    """

    pid: int
    router: str
    sink: str
    processes: Mapping[str, str]


@dataclass(frozen=True)
class Home:
    """`NARROWGAUGE_HOME`, by default `~/.narrowgauge`."""

    path: Path

    @staticmethod
    def of(environ: Mapping[str, str]) -> Home:
        """Returns the folder that the environment names."""
        text = environ.get("NARROWGAUGE_HOME", "").strip()
        return Home((Path(text) if text else Path.home() / ".narrowgauge").expanduser().absolute())

    @property
    def bundle(self) -> Path:
        """What `narrowgauge compile` writes."""
        return self.path / "bundle"

    @property
    def bundle_inputs(self) -> Path:
        """Hash of the library that `bundle` was compiled from; missing when the user compiled it."""
        return self.path / "bundle.inputs"

    @property
    def models(self) -> Path:
        """What `narrowgauge prepare` writes, by content hash."""
        return self.path / "models"

    @property
    def logs(self) -> Path:
        """One log a process, of the last start."""
        return self.path / "logs"

    @property
    def traces(self) -> Path:
        """The trace sink's SQLite file."""
        return self.path / "traces.db"

    @property
    def state(self) -> Path:
        """The chains' SQLite file."""
        return self.path / "chains.db"

    @property
    def warehouse(self) -> Path:
        """The demo warehouse."""
        return self.path / "demo" / "warehouse.db"

    @property
    def organisation(self) -> Path:
        """The demo CRM organisation."""
        return self.path / "demo" / "organisation.db"

    @property
    def outcomes(self) -> Path:
        """Writes that the Salesforce tool did to the demo organisation."""
        return self.path / "demo" / "outcomes.db"

    def forget_demo(self) -> None:
        """Removes the demo's data and the chains."""
        for database in (self.warehouse, self.organisation, self.outcomes, self.state):
            for suffix in ("", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Holds the folder for one running system.

        Raises:
            FailedPrecondition: `ALREADY_UP`: another one holds it. `NO_HOME`: the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "up.lock").open("w")
        except OSError as exc:
            raise FailedPrecondition(
                "NO_HOME", f"cannot write {self.path}: {exc.strerror}; set NARROWGAUGE_HOME to another folder"
            ) from exc
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FailedPrecondition(
                    "ALREADY_UP",
                    f"a system is already up in {self.path}; use it (`narrowgauge ask`), stop it (Ctrl-C), "
                    "or set NARROWGAUGE_HOME to start a second one",
                ) from None
            yield

    @contextmanager
    def announced(self, running: Running) -> Iterator[None]:
        """Tells other commands what runs, for as long as the block does."""
        self._running.write_text(json.dumps(asdict(running), indent=2) + "\n")
        try:
            yield
        finally:
            self._running.unlink(missing_ok=True)

    def running(self) -> Running | None:
        """Returns what runs here; None when nothing does."""
        try:
            running = Running(**json.loads(self._running.read_text()))
            os.kill(running.pid, 0)
        except (
            OSError,
            ValueError,
            TypeError,
        ):  # none, half written, of another version, or its process is gone
            return None
        return running

    def router(self, address: str | None) -> str:
        """Returns the router's address: the one given, or that of the system that runs here.

        Raises:
            Unavailable: `NOT_UP`: nothing runs here.
        """
        if address:
            return address
        running = self.running()
        if running is None:
            raise Unavailable(
                "NOT_UP",
                f"nothing is up in {self.path}; start it with `narrowgauge up`, or name a router with "
                "--address",
            )
        return running.router

    @property
    def _running(self) -> Path:
        return self.path / "running.json"
