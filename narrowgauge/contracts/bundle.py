"""The bundle: what `narrowgauge compile` writes and every process reads.

    bundle.json                       format, hash, and the SHA-256 of each file
    descriptors.binpb                 all contracts, self-contained
    constraints/<specialist>.<surface>.json
    specialists/<name>/…              configuration, examples, rules, adapter
    router/…                          the compiled router graph, all rules in its router.json

A bundle's hash is the SHA-256 over its sorted list of files with their hashes, so equal inputs give equal
bytes and an equal hash. Router and specialists compare it when they connect.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from narrowgauge.contracts.bundle_files import MANIFEST, appearing, verified_files, write_manifest
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.contract_text import contract_instruction
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in, load_protos, pool_of
from narrowgauge.contracts.route_rules import RouteRule
from narrowgauge.contracts.specialist import CALL_ADAPTER, CONFIG_FILE, SpecialistConfig
from narrowgauge.contracts.surfaces import CompiledAhead, get_surface
from narrowgauge.contracts.trained import check_trained
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import AlreadyExists, DataLoss, InvalidRequest, NotFound

__all__ = ["Bundle", "carried_specialists", "compile_bundle", "example_requests"]

REQUESTS_FILE = "requests.txt"
_DESCRIPTORS = "descriptors.binpb"

Progress = Callable[[str, float], None]
"""Called with what is being done and the part that is done, from 0 to 1."""


@dataclass(frozen=True)
class Bundle:
    """A compiled bundle whose files were verified.

    Attributes:
        path: Its folder.
        hash: SHA-256 over the sorted list of files with their hashes, in lower-case hex.
        descriptor_set: All contracts.
        pool: The same as a pool of its own.
        configs: Specialists by name.
        contracts: Their contracts by the specialist's name.
    """

    path: Path
    hash: str
    descriptor_set: FileDescriptorSet
    pool: DescriptorPool
    configs: Mapping[str, SpecialistConfig]
    contracts: Mapping[str, Contract]

    @property
    def router_path(self) -> Path:
        """Folder of the compiled router."""
        return self.path / "router"

    @classmethod
    def load(cls, path: Path) -> Bundle:
        """Loads a bundle and verifies each of its files.

        Raises:
            NotFound: There is no bundle.
            DataLoss: A file is missing or differs from what the compiler wrote.
            FailedPrecondition: It was written by another version of the compiler.
        """
        recorded, bundle_hash = verified_files(path)
        descriptor_set = FileDescriptorSet()
        try:
            descriptor_set.ParseFromString((path / _DESCRIPTORS).read_bytes())
        except DecodeError as error:
            raise DataLoss("BUNDLE_DAMAGED", f"{path / _DESCRIPTORS} is no descriptor set") from error
        pool = pool_of(descriptor_set)
        services = {contract.service: contract for contract in contracts_in(descriptor_set, pool)}
        folders = sorted({Path(name).parts[1] for name in recorded if name.startswith("specialists/")})
        configs = {name: SpecialistConfig.read(path / "specialists" / name) for name in folders}
        contracts = {name: _contract(config, services) for name, config in configs.items()}
        return cls(path, bundle_hash, descriptor_set, pool, configs, contracts)


def compile_bundle(
    out: Path,
    *,
    protos: Sequence[Path] = (),
    includes: Sequence[Path] = (),
    specialists: Sequence[Path] = (),
    rules: Sequence[RouteRule] = (),
    router: Path | None = None,
    with_router: bool = True,
    encoder: Path | None = None,
    precision: float | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Compiles contracts and specialists into a bundle and loads it.

    The folder appears only when it is complete: it is written beside `out` and renamed.

    Args:
        out: The bundle's folder; an older bundle there is replaced.
        protos: `.proto` files or folders, beside the contracts that Narrowgauge carries and those that the
            specialists' configurations name.
        includes: Further import paths of `protos`.
        specialists: Folders with `specialist.toml`; none for those that Narrowgauge carries.
        rules: Rules on routes, beside those of the contracts and of the specialists' folders.
        router: Folder of a compiled router to take; None compiles one from the examples of the contracts
            and of the specialists.
        with_router: False leaves the router out; such a bundle serves specialists only.
        encoder: Folder of the encoder that the router is compiled with; None for the carried one.
        precision: Of routes, to which their thresholds are fitted: see `compile_router`.
        progress: Told what is being done.

    Raises:
        InvalidRequest: A contract, configuration, example or rule is wrong, or what a router is
            compiled with is given to a bundle whose router is not compiled now.
        Unsupported: A contract has a field without a constraint; names it and says why.
        AlreadyExists: `out` exists and is no bundle.
        FailedPrecondition: The folder cannot be written, for example because the disk is full.
    """
    report = progress or (lambda what, done: None)
    chosen = bool(rules) or encoder is not None or precision is not None
    if chosen and (router is not None or not with_router):
        raise InvalidRequest(
            "BAD_ARGUMENT", "rules, encoder and precision belong to a router that is compiled with them"
        )
    report("reading contracts", 0.0)
    configs = _configs(specialists or carried_specialists())
    protos = list(dict.fromkeys([*protos, *_own_protos(configs, protos)]))
    descriptor_set = _merged(builtin_descriptor_set(), load_protos(protos, includes) if protos else None)
    services = {contract.service: contract for contract in contracts_in(descriptor_set)}
    if out.exists() and not (out / MANIFEST).is_file() and any(out.iterdir() if out.is_dir() else [out]):
        raise AlreadyExists(
            "NOT_A_BUNDLE", f"{out} exists and is no bundle; choose another folder or remove it"
        )
    with appearing(out) as scratch:
        (scratch / _DESCRIPTORS).write_bytes(descriptor_set.SerializeToString(deterministic=True))
        (scratch / "constraints").mkdir()
        for done, config in enumerate(configs):
            report(f"compiling {config.name}", 0.1 + 0.4 * done / len(configs))
            _write_specialist(scratch, config, _contract(config, services))
        if with_router:
            report("compiling the router", 0.5)
            _write_router(scratch / "router", router, configs, services, rules, encoder, precision)
        write_manifest(scratch)
    report("done", 1.0)
    return Bundle.load(out)


def _write_specialist(scratch: Path, config: SpecialistConfig, contract: Contract) -> None:
    check_trained(config)
    for example in config.read_examples():
        call = example.tool_call(contract)
        broken = violations(call.request)
        if broken:
            raise InvalidRequest(
                "BAD_EXAMPLE",
                f"{config.name}: the example {example.request!r} breaks its contract: "
                f"{broken[0][0]} {broken[0][1]}",
                field_violations=broken,
            )
    # ProtoJSON always: it is the form that is shown, logged and given to engines with their own constraints.
    for name in sorted({config.surface, "protojson"}):
        compiled = get_surface(name).compile(contract)
        artefact: dict[str, object] = {
            "surface": name,
            "contract": contract.service,
            "closed_sets": sorted(compiled.closed_sets),
        }
        if isinstance(compiled, CompiledAhead):
            artefact |= compiled.artefact()
        text = json.dumps(artefact, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        (scratch / "constraints" / f"{config.name}.{name}.json").write_text(text, encoding="utf-8")
    target = scratch / "specialists" / config.name
    target.mkdir(parents=True)
    if config.adapter == CALL_ADAPTER:
        reading = replace(config, adapter="adapter", instruction=contract_instruction(contract), proto="")
        (target / CONFIG_FILE).write_text(_config_text(reading), encoding="utf-8")
    else:
        reading = config
        shutil.copyfile(config.folder / CONFIG_FILE, target / CONFIG_FILE)
    for name in filter(None, (config.examples, config.rules)):
        shutil.copyfile(config.folder / name, target / name)
    if config.adapter_path is not None:
        shutil.copytree(config.adapter_path, target / reading.adapter, copy_function=shutil.copyfile)


def _config_text(config: SpecialistConfig) -> str:
    """Writes a configuration anew; JSON's texts, numbers and truth values are TOML's too."""
    values = {name: value for name, value in asdict(config).items() if name != "folder" and value != ""}
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in sorted(values.items())
    )


def _write_router(
    target: Path,
    router: Path | None,
    configs: Sequence[SpecialistConfig],
    services: Mapping[str, Contract],
    rules: Sequence[RouteRule],
    encoder: Path | None,
    precision: float | None,
) -> None:
    if router is not None:
        if not router.is_dir():
            raise NotFound("NO_ROUTER", f"there is no compiled router in {router}")
        shutil.copytree(router, target, copy_function=shutil.copyfile)
        return
    # Imported on use: it loads onnxruntime.
    from narrowgauge.routing import compile_router

    described: dict[str, tuple[str, Sequence[str]]] = {}
    every_rule = list(rules)
    for config in configs:
        contract = _contract(config, services)
        described[config.name] = (contract.description, example_requests(config, contract))
        every_rule += [*contract.rules, *config.read_rules()]
    compile_router(target, described, rules=every_rule, encoder=encoder, precision=precision)


def example_requests(config: SpecialistConfig, contract: Contract) -> list[str]:
    """Returns the example requests that routes are fitted to: the contract's and the specialist's.

    Those that the specialist refuses are left out: they say what it is not for. Lines of a `requests.txt` in
    the specialist's folder are requests as well; nothing but routes is fitted to them.
    """
    requests = [example for tool in contract.tools for example in tool.examples]
    for example in config.read_examples():
        call = example.tool_call(contract).request
        if not getattr(call, "unanswerable", False):
            requests.append(example.request)
    listed = config.folder / REQUESTS_FILE
    if listed.is_file():
        lines = listed.read_text(encoding="utf-8").splitlines()
        requests += [line.strip() for line in lines if line.strip()]
    return requests


def _configs(folders: Sequence[Path]) -> list[SpecialistConfig]:
    configs = sorted((SpecialistConfig.read(folder) for folder in folders), key=lambda config: config.name)
    names = [config.name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest("DUPLICATE_SPECIALIST", f"two specialists have the name {name}")
    if not configs:
        raise InvalidRequest("NO_SPECIALISTS", "there is no specialist to compile")
    return configs


def _own_protos(configs: Sequence[SpecialistConfig], given: Sequence[Path]) -> list[Path]:
    """Returns the files that configurations name, but for those that were given or lie in a given folder."""
    known = [path.resolve() for path in given]
    found = []
    for path in (config.proto_path for config in configs):
        if path is not None and not any(path.resolve().is_relative_to(other) for other in known):
            known.append(path.resolve())
            found.append(path.resolve())
    return found


def carried_specialists() -> list[Path]:
    """Returns the folders of the specialists that Narrowgauge carries."""
    root = Path(str(files("narrowgauge.specialists")))
    return sorted(path.parent for path in root.glob(f"*/{CONFIG_FILE}"))


def _contract(config: SpecialistConfig, services: Mapping[str, Contract]) -> Contract:
    try:
        contract = services[config.contract]
    except KeyError as error:
        known = ", ".join(services) or "none"
        raise NotFound(
            "NO_SUCH_CONTRACT", f"specialist {config.name}: no contract {config.contract}; there are {known}"
        ) from error
    if contract.specialist != config.name:
        raise InvalidRequest(
            "SPECIALIST_NAME",
            f"{config.contract} names its specialist {contract.specialist!r}, not {config.name!r}",
        )
    return contract


def _merged(carried: FileDescriptorSet, loaded: FileDescriptorSet | None) -> FileDescriptorSet:
    merged = FileDescriptorSet()
    known = {file.name: file for file in carried.file}
    merged.CopyFrom(carried)
    for file in loaded.file if loaded else ():
        if file.name not in known:
            merged.file.add().CopyFrom(file)
    return merged
