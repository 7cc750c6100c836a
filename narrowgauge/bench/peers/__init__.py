"""Peers: what they need, how they are installed, and in which settings each is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from narrowgauge.errors import FailedPrecondition, NotFound

__all__ = ["PEERS", "Peer", "peer_of"]


@dataclass(frozen=True)
class Peer:
    """A peer.

    Attributes:
        name: As `--peer` takes it.
        packages: Import names that it needs.
        install: The command that installs them.
        precisions: Forms of the same weights in which it is measured; the best one counts.
        surfaces: Constraint forms in which it is measured; the best one counts.
        batches: Batch sizes that it can decode.
        serves: Whether it answers several callers at once.
    """

    name: str
    packages: tuple[str, ...]
    install: str
    precisions: tuple[str, ...]
    surfaces: tuple[str, ...]
    batches: tuple[int, ...] = (1,)
    serves: bool = False


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "llamacpp",
            ("xllamacpp",),
            "pip install 'narrowgauge[llamacpp]'",
            ("source", "Q8_0", "Q4_K_M"),
            ("gbnf", "json_schema"),
            batches=(1, 4, 8, 16),
            serves=True,
        ),
        Peer(
            "transformers",
            ("torch", "safetensors", "outlines"),
            "pip install 'narrowgauge[train]'",
            ("float32",),
            ("json_schema",),
            batches=(1, 4, 8, 16),
        ),
        Peer(
            "genai",
            ("onnxruntime_genai", "onnx_ir", "torch"),
            "pip install 'narrowgauge[genai]'",
            ("int4",),
            ("protojson", "json_schema"),
            batches=(1, 4, 8, 16),
        ),
    )
}


def peer_of(name: str) -> Peer:
    """Returns a peer that can be measured here.

    Raises:
        NotFound: There is no such peer.
        FailedPrecondition: `PEER_MISSING`: it is not installed; names the command.
    """
    peer = PEERS.get(name)
    if peer is None:
        raise NotFound("NO_SUCH_PEER", f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    missing = [package for package in peer.packages if find_spec(package) is None]
    if missing:
        raise FailedPrecondition(
            "PEER_MISSING",
            f"--peer {name} needs {', '.join(missing)}, which is not installed. Run: {peer.install}",
            metadata={"peer": name, "install": peer.install},
        )
    return peer
