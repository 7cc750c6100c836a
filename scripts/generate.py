"""Writes the Python code of `protos/` into `narrowgauge/` (run by `make generate`)."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
BIN = Path(sys.executable).parent
# google.rpc comes from googleapis-common-protos; its .proto files are here for other languages.
SOURCES = [
    *sorted(PROTOS.glob("narrowgauge/**/*.proto")),
    *sorted(PROTOS.glob("buf/**/*.proto")),
]


def main(target: Path) -> int:
    """Generates into `target/narrowgauge` and returns protoc's exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        status = protoc.main(
            [
                "protoc",
                f"-I{PROTOS}",
                f"-I{files('grpc_tools') / '_proto'}",
                # Beside this Python, which need not be the environment that PATH names.
                f"--plugin=protoc-gen-mypy={BIN / 'protoc-gen-mypy'}",
                f"--plugin=protoc-gen-mypy_grpc={BIN / 'protoc-gen-mypy_grpc'}",
                f"--python_out={scratch}",
                f"--grpc_python_out={scratch}",
                f"--mypy_out=quiet:{scratch}",
                f"--mypy_grpc_out=quiet:{scratch}",
                *(str(source.relative_to(PROTOS)) for source in SOURCES),
            ]
        )
        if status:
            return int(status)
        out = Path(scratch)
        # Python has no package `buf` of ours to import from: the rules live under `narrowgauge.buf`.
        shutil.move(out / "buf", out / "narrowgauge" / "buf")
        for path in sorted(out.rglob("*.py*")):
            if "_pb2_grpc." in path.name and "add_" not in path.read_text():
                continue  # no service in this file
            text = path.read_text()
            text = re.sub(r"\bfrom buf\.validate import", "from narrowgauge.buf.validate import", text)
            text = re.sub(
                r"\b(?<!narrowgauge\.)buf\.validate\.validate_pb2",
                "narrowgauge.buf.validate.validate_pb2",
                text,
            )
            destination = target / path.relative_to(out)
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.write_text(text)
        for module in (target / "narrowgauge").rglob("*_pb2.py"):
            for package in module.parents:
                (package / "__init__.py").touch()
                if package.name == "narrowgauge":
                    break
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
