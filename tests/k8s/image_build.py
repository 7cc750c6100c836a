"""Carries out the Dockerfile's build stage in a folder, without a container engine and without a network.

The stage's commands run as they are written, with `/src` and `/opt` moved into the folder. Two stand-ins:
what pip would download is taken from the environment that runs the tests, and models that the cache has
already are linked into the new one (`prepare` still verifies them).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from manifests import IMAGES, ROOT

_STAGE = "build"


def build_image(root: Path, models: Path) -> None:
    """Fills `root/opt` as the stage fills `/opt`.

    Args:
        root: An empty folder.
        models: Cache of prepared models.
    """
    seeded = root / "opt" / "narrowgauge" / "models"
    seeded.mkdir(parents=True)
    for model in models.glob("[!.]*"):
        (seeded / model.name).symlink_to(model)
    workdir = root
    for keyword, rest in IMAGES.stages[_STAGE].instructions:
        if keyword == "WORKDIR":
            workdir = root / rest.lstrip("/")
            workdir.mkdir(parents=True)
        elif keyword == "COPY":
            *sources, target = rest.split()
            _copy(sources, workdir / target)
        elif keyword == "RUN":
            for command in rest.split(" && "):
                _run(command.strip(), root, workdir)
        else:
            assert keyword in ("ARG", "ENV"), keyword


def context_files() -> set[PurePosixPath]:
    """Returns the top-level names that the build context holds."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "the context is an allow-list"
    return {PurePosixPath(line[1:]) for line in lines if line.startswith("!")}


def _copy(sources: list[str], target: Path) -> None:
    for source in sources:
        assert PurePosixPath(source) in context_files(), f"{source} is not in the build context"
        path = ROOT / source
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(path, target / source)


def _run(command: str, root: Path, workdir: Path) -> None:
    words = shlex.split(command)
    if words[:3] == ["python", "-m", "venv"]:
        _environment(root / words[3].lstrip("/"))
    elif words[0].endswith("/pip") and words[1:] == ["install", "."]:
        _install(root / words[0].lstrip("/"), workdir)
    elif words[0].endswith("/pip") and words[1:4] == ["install", "--no-deps", "--target"]:
        package = words[5].partition("==")[0].replace("-", "_")
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None, f"{package} is not installed"
        target = root / words[4].lstrip("/")
        target.mkdir()
        (target / package).symlink_to(Path(spec.origin).parent)
    else:
        moved = command.replace("/opt/", f"{root}/opt/")
        done = subprocess.run(
            ["sh", "-ec", moved],
            cwd=workdir,
            # Nothing of the developer's: only what the image has.
            env={"PATH": os.defpath, "HOME": str(root), "NARROWGAUGE_HOME": str(root / "unused")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _environment(folder: Path) -> None:
    """Makes a venv that sees this one's packages, but not its editable installs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (_site(folder) / "downloads.pth").write_text(sysconfig.get_path("purelib"))


def _install(pip: Path, source: Path) -> None:
    """Installs our wheel as `pip install .` would, so that what it leaves out is missing here too."""
    folder = pip.parent.parent
    offline = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", _site(folder), source], check=True
    )
    command = folder / "bin" / "narrowgauge"
    command.write_text(f"#!{folder}/bin/python\nfrom narrowgauge.cli.__main__ import main\n\nmain()\n")
    command.chmod(0o755)


def _site(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
