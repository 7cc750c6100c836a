"""A peer as a process: `python -m narrowgauge.bench.peers PEER --source FILE --precision Q8_0 …`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from narrowgauge.bench.peers import PEERS, peer_of
from narrowgauge.bench.worker import BenchEngine, serve_engine


def main() -> int:
    """Loads the peer and measures on demand; see `narrowgauge.bench.worker`."""
    parser = argparse.ArgumentParser(prog="python -m narrowgauge.bench.peers", description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--source", type=Path, required=True, help="GGUF file or transformers folder")
    parser.add_argument("--precision", required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for other forms of the weights")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--slot-tokens", type=int, required=True)
    return serve_engine(lambda: _open(parser.parse_args()))


def _open(told: argparse.Namespace) -> BenchEngine:
    peer_of(told.peer)
    if told.peer == "llamacpp":
        from narrowgauge.bench.peers.gguf_weights import requantised
        from narrowgauge.bench.peers.llamacpp import LlamaCppEngine

        return LlamaCppEngine(
            requantised(told.source, told.precision, told.cache),
            precision=told.precision,
            threads=told.threads,
            slots=told.slots,
            slot_tokens=told.slot_tokens,
        )
    from narrowgauge.bench.peers.hf_weights import hf_folder

    folder = hf_folder(told.source, told.cache)
    if told.peer == "transformers":
        from narrowgauge.bench.peers.transformers_outlines import TransformersEngine

        return TransformersEngine(folder, threads=told.threads)
    from narrowgauge.bench.peers.genai import GenaiEngine, built_graph

    return GenaiEngine(built_graph(folder, told.cache), threads=told.threads, slot_tokens=told.slot_tokens)


if __name__ == "__main__":
    sys.exit(main())
