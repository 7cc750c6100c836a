"""Reads contracts from `.proto` files and descriptor sets."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from narrowgauge.contracts.contract import Contract, contract_of
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import options_pb2

__all__ = ["builtin_descriptor_set", "contracts_in", "descriptor_set_of", "load_protos", "pool_of"]

_BUILTIN = (
    "narrowgauge.v1.options_pb2",
    "narrowgauge.v1.catalogue_pb2",
    "narrowgauge.v1.specialist_pb2",
    "narrowgauge.v1.dispatcher_pb2",
    "narrowgauge.tools.salesforce.v1.salesforce_pb2",
    "narrowgauge.tools.sql.v1.sql_pb2",
    "narrowgauge.tools.text.v1.text_pb2",
)


def builtin_descriptor_set() -> FileDescriptorSet:
    """Returns the contracts that Narrowgauge carries, with all that they import."""
    return descriptor_set_of(import_module(name).DESCRIPTOR for name in _BUILTIN)


def descriptor_set_of(descriptors: Iterable[FileDescriptor]) -> FileDescriptorSet:
    """Returns a self-contained set: each file after what it imports, each once, in a stable order."""
    found = FileDescriptorSet()
    seen: set[str] = set()

    def add(descriptor: FileDescriptor) -> None:
        if descriptor.name not in seen:
            seen.add(descriptor.name)
            for dependency in sorted(descriptor.dependencies, key=lambda file: file.name):
                add(dependency)
            descriptor.CopyToProto(found.file.add())

    for descriptor in sorted(descriptors, key=lambda file: file.name):
        add(descriptor)
    return found


def load_protos(paths: Sequence[Path], includes: Sequence[Path] = ()) -> FileDescriptorSet:
    """Compiles `.proto` files.

    `google/protobuf`, `google/rpc`, `buf/validate/validate.proto` and `narrowgauge/v1` can be imported
    without an include.

    Args:
        paths: Files, or folders that are searched for `*.proto`. A folder is an include path too; a file's
            own folder is one when no include path holds it.
        includes: Further include paths, searched first.

    Raises:
        InvalidRequest: A path does not exist or protoc refuses a file; the message has protoc's own words.
    """
    roots = [path.resolve() for path in includes]
    sources: list[Path] = []
    for path in paths:
        absolute = path.resolve()
        if absolute.is_dir():
            sources += sorted(absolute.rglob("*.proto"))
            roots.append(absolute)
        elif absolute.is_file():
            sources.append(absolute)
            if not any(absolute.is_relative_to(root) for root in roots):
                roots.append(absolute.parent)
        else:
            raise InvalidRequest("NO_SUCH_PROTO", f"there is no file or folder {path}")
    if not sources:
        raise InvalidRequest("NO_PROTOS", f"no .proto file under {', '.join(map(str, paths))}")
    with tempfile.TemporaryDirectory() as scratch, as_file(files("grpc_tools") / "_proto") as well_known:
        # Imports that no include path holds are taken from the descriptors that this package carries.
        carried = Path(scratch) / "carried.binpb"
        carried.write_bytes(_carried().SerializeToString(deterministic=True))
        output = Path(scratch) / "set.binpb"
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            *(f"-I{root}" for root in [*roots, well_known]),
            f"--descriptor_set_in={carried}",
            "--include_imports",
            f"--descriptor_set_out={output}",
            *(str(source) for source in sources),
        ]
        # A process of its own, because protoc writes its messages to the process's stderr.
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise InvalidRequest("PROTOC", f"protoc refuses the contract: {done.stderr.strip()[:2000]}")
        return FileDescriptorSet.FromString(output.read_bytes())


def pool_of(descriptors: FileDescriptorSet) -> DescriptorPool:
    """Returns a pool of its own with the files of a set.

    Raises:
        InvalidRequest: A file is missing from the set or contradicts another.
    """
    pool = DescriptorPool()
    waiting = {file.name: file for file in descriptors.file}
    while waiting:
        ready = [file for file in waiting.values() if not any(name in waiting for name in file.dependency)]
        if not ready:
            raise InvalidRequest("IMPORT_CYCLE", f"files import each other: {', '.join(sorted(waiting))}")
        for file in ready:
            del waiting[file.name]
            try:
                pool.Add(file)
            except TypeError as error:
                raise InvalidRequest("BAD_DESCRIPTORS", f"{file.name}: {error}") from error
    return pool


def contracts_in(descriptors: FileDescriptorSet, pool: DescriptorPool | None = None) -> list[Contract]:
    """Returns the services with the option `(narrowgauge.v1.specialist)`, by full name.

    Args:
        descriptors: A self-contained set, from files or from server reflection.
        pool: The set's pool, when there is one already.

    Raises:
        InvalidRequest: The set or a contract in it is malformed.
    """
    pool = pool or pool_of(descriptors)
    services = (
        service
        for file in descriptors.file
        for service in pool.FindFileByName(file.name).services_by_name.values()
    )
    found = [
        contract_of(service)
        for service in services
        if service.GetOptions().HasExtension(options_pb2.specialist)
    ]
    return sorted(found, key=lambda contract: contract.service)


def _carried() -> FileDescriptorSet:
    modules = (*_BUILTIN, "narrowgauge.buf.validate.validate_pb2", "google.rpc.error_details_pb2")
    return descriptor_set_of(import_module(name).DESCRIPTOR for name in modules)
