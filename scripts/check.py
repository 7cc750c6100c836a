"""Runs every check that needs no running service: format, lint, types, contracts, generated code."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def run(*command: str | Path) -> bool:
    """Runs a command in the repository's root; returns whether it succeeded."""
    print("$", " ".join(str(part) for part in command), flush=True)
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode == 0


def generated_code_is_current() -> bool:
    """Generates the code again and compares."""
    with tempfile.TemporaryDirectory() as scratch:
        if not run(sys.executable, "scripts/generate.py", scratch):
            return False
        fresh = {p.relative_to(scratch) for p in Path(scratch).rglob("*_pb2*")}
        stale = [p for p in sorted(fresh) if not _same(Path(scratch) / p, ROOT / p)]
        committed = {
            p.relative_to(ROOT)
            for p in (ROOT / "narrowgauge").rglob("*_pb2*.py*")
            if p.suffix in (".py", ".pyi")
        }
        stale += sorted(committed - fresh)
        for path in stale:
            print(f"{path} differs from protos/: run `make generate`")
        return not stale


def _same(left: Path, right: Path) -> bool:
    return right.exists() and filecmp.cmp(left, right, shallow=False)


def contracts_are_compatible() -> bool:
    """Compares the contracts with those of the branch `main`, where this checkout has one with contracts."""
    for ref in ("origin/main", "main"):
        probe = ["git", "cat-file", "-e", f"{ref}:protos/narrowgauge/v1/options.proto"]
        if subprocess.run(probe, cwd=ROOT, check=False, capture_output=True).returncode == 0:
            return run(BIN / "buf", "breaking", "--against", f".git#ref={ref}")
    print("no earlier contracts to compare with")
    return True


def main() -> int:
    """Runs all checks, also after one has failed."""
    results = [
        run(BIN / "ruff", "format", "--check", "."),
        run(BIN / "ruff", "check", "."),
        run(BIN / "mypy"),
        run(BIN / "buf", "lint"),
        contracts_are_compatible(),
        generated_code_is_current(),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
