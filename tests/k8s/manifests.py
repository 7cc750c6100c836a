"""The manifests as Kubernetes gets them, and what their containers are started with."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile import Dockerfile

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "k8s"
# Ours, and overlays as a site writes them.
_FOLDERS = {
    path.name: path
    for parent in (K8S / "overlays", Path(__file__).with_name("overlays"))
    for path in sorted(parent.iterdir())
}
OVERLAYS = sorted(_FOLDERS)
WORKLOADS = ("Deployment", "StatefulSet")
IMAGES = Dockerfile.read(K8S / "images" / "Dockerfile")

SECRETS = {
    "dsn": "postgresql://reader:sample@192.0.2.10:5432/warehouse",
    "url": "https://acme.my.salesforce.com",
    "token": "sample",
}
"""Values of the secrets that a site brings, by key."""


@dataclass(frozen=True)
class Container:
    """One container of a workload."""

    workload: dict[str, Any]
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        """The workload's name."""
        return str(self.workload["metadata"]["name"])

    @property
    def target(self) -> str:
        """The Dockerfile's target of its image; empty for images of others."""
        path, _, _ = self.spec["image"].rpartition(":")
        return str(path.rpartition("/")[2]) if "narrowgauge/" in path else ""

    @property
    def arguments(self) -> list[str]:
        """What comes after the image's entry point."""
        return list(self.spec.get("args") or IMAGES.command(self.target))

    def environment(self, secrets: dict[str, str]) -> dict[str, str]:
        """Returns its variables as kubelet resolves them, those of its image included."""
        labels = self.workload["spec"]["template"]["metadata"]["labels"]
        values = IMAGES.environment(self.target)
        for variable in self.spec.get("env", []):
            source = variable.get("valueFrom", {})
            if "fieldRef" in source:
                label = re.fullmatch(r"metadata\.labels\['(.+)'\]", source["fieldRef"]["fieldPath"])
                assert label is not None, source
                value = labels[label[1]]
            elif "secretKeyRef" in source:
                value = secrets[source["secretKeyRef"]["key"]]
            else:
                value = re.sub(r"\$\((\w+)\)", lambda name: values[name[1]], variable["value"])
            values[variable["name"]] = value
        return values


@cache
def render(overlay: str) -> list[dict[str, Any]]:
    """Returns all objects of an overlay."""
    try:
        rendered = subprocess.run(
            ["kubectl", "kustomize", str(_FOLDERS[overlay])], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.fail("kubectl is missing: run scripts/system_packages.sh")
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    """Returns the objects of some kinds."""
    return [document for document in render(overlay) if document["kind"] in kinds]


def containers(overlay: str, *groups: str) -> Iterator[Container]:
    """Yields all containers, or those of some groups (`containers`, `initContainers`)."""
    for workload in of_kind(overlay, *WORKLOADS):
        for group in groups or ("containers", "initContainers"):
            for spec in workload["spec"]["template"]["spec"].get(group, []):
                yield Container(workload, spec)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Returns whether a label selector takes a pod."""
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
