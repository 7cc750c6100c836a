"""The Kubernetes side of a specialist of one's own: a folder of an overlay, and what the router must know."""

from __future__ import annotations

import os
from pathlib import Path

from narrowgauge.contracts.contract import Contract

__all__ = ["write_deployment"]

_BASE = Path(__file__).resolve().parents[2] / "k8s" / "base" / "specialist"
# As seen from a folder of an overlay in `k8s/overlays`, where this one is put when the base is not at hand.
_FROM_AN_OVERLAY = "../../../base/specialist"


def write_deployment(folder: Path, contract: Contract, version: str) -> list[Path]:
    """Writes the manifests of a specialist, on top of `k8s/base/specialist`.

    Args:
        folder: Where they are written; it may be there already.
        contract: The specialist's contract.
        version: Tag of its image.

    Returns:
        The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = _FROM_AN_OVERLAY
    if _BASE.is_dir():
        base = Path(os.path.relpath(_BASE, folder.resolve())).as_posix()
    files = {
        "kustomization.yaml": _KUSTOMIZATION.format(name=contract.specialist, base=base, version=version),
        "README.md": _README.format(
            name=contract.specialist, service=contract.service, there=_FROM_AN_OVERLAY
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


_KUSTOMIZATION = """# The specialist {name}: Deployment, Service, disruption budget and autoscaler.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
nameSuffix: -{name}
resources:
  - {base}
labels:
  - pairs:
      app.kubernetes.io/name: specialist-{name}
      narrowgauge.dev/specialist: {name}
    includeSelectors: true
    includeTemplates: true
images:
  - name: narrowgauge/specialist
    newTag: {version}
"""
_README = """# Deploy the specialist `{name}`

1. Put this folder into your overlay, write `{there}` under `resources` of its
   `kustomization.yaml`, and name it under `resources` of the overlay.
2. Tell the router, by a patch of its Deployment in the overlay:

   ```yaml
   - name: NARROWGAUGE_SPECIALISTS   # what stands there already, and
     value: …,{name}=dns:///specialist-{name}:50051
   - name: NARROWGAUGE_TOOLS
     value: …,{service}=dns:///YOUR-SERVER:PORT
   ```
3. Build the images with the specialist in the bundle: in `k8s/images/Dockerfile`, `COPY` the specialist's
   folder and its `.proto`, and give `narrowgauge compile` `--specialist FOLDER`.
"""
