"""The manifests of every overlay: valid for Kubernetes, least privilege, default-deny."""

from __future__ import annotations

import shlex
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

K8S = Path(__file__).resolve().parents[2] / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
# The oldest Kubernetes whose schemas all manifests must meet, and the newest known to the validator.
VERSIONS = ("1.32.0", kubernetes_validate.latest_version())
WORKLOADS = ("Deployment", "StatefulSet")
OWN_IMAGES = ("router", "specialist", "specialist-gpu", "tools")


@cache
def render(overlay: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(K8S / "overlays" / overlay)]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True)
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]


def of_kind(overlay: str, *kinds: str) -> list[dict[str, Any]]:
    return [document for document in render(overlay) if document["kind"] in kinds]


def containers(overlay: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (workload["metadata"]["name"], container)
        for workload in of_kind(overlay, *WORKLOADS)
        for group in ("containers", "initContainers")
        for container in workload["spec"]["template"]["spec"].get(group, [])
    ]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_meets_the_schema_of_kubernetes(overlay: str, version: str) -> None:
    """Each rendered object is valid in strict mode: no unknown field either."""
    for document in render(overlay):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_container_runs_with_least_privilege(overlay: str) -> None:
    """No root, no privilege escalation, no capability, no writable root, no API token, bounded memory."""
    for workload in of_kind(overlay, *WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for name, container in containers(overlay):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert "memory" in container["resources"]["limits"], name
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_server_has_probes_and_a_pinned_image(overlay: str) -> None:
    """Each long-running container says when it is ready and alive; no image floats."""
    for workload in of_kind(overlay, *WORKLOADS):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            assert {"readinessProbe", "livenessProbe"} <= set(container), workload["metadata"]["name"]
    for name, container in containers(overlay):
        _, _, tag = container["image"].rpartition(":")
        assert tag not in ("", "latest") and "/" not in tag, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_traffic_is_denied_unless_a_rule_opens_one_port_to_one_peer(overlay: str) -> None:
    """All pods fall under default-deny; every other rule names its peers and its ports."""
    policies = of_kind(overlay, "NetworkPolicy")
    deny = [p["spec"] for p in policies if p["metadata"]["name"] == "default-deny"]
    assert deny == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
    for policy in policies:
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                assert rule.get(peers), policy["metadata"]["name"]
                assert rule.get("ports"), policy["metadata"]["name"]
                for peer in rule[peers]:
                    assert peer.get("ipBlock", {}).get("cidr") != "0.0.0.0/0"
                    assert peer.get("podSelector") != {}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_specialist_can_call_nobody_but_telemetry_and_dns(overlay: str) -> None:
    """No egress rule that selects a specialist's pods leads out of the cluster's own services."""
    pods = [
        workload["spec"]["template"]["metadata"]["labels"]
        for workload in of_kind(overlay, "Deployment")
        if workload["metadata"]["labels"].get("app.kubernetes.io/component") == "specialist"
    ]
    assert len(pods) == 3
    for labels in pods:
        ways_out = {
            policy["metadata"]["name"]
            for policy in of_kind(overlay, "NetworkPolicy")
            if selects(policy["spec"]["podSelector"], labels) and policy["spec"].get("egress")
        }
        assert ways_out == {"allow-dns", "telemetry"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_their_pods(overlay: str) -> None:
    """Each Service, disruption budget and autoscaler points at exactly the workload that it is for."""
    workloads = {w["metadata"]["name"]: w for w in of_kind(overlay, *WORKLOADS)}
    for document in of_kind(overlay, "Service", "PodDisruptionBudget"):
        selector = document["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        found = [
            name
            for name, w in workloads.items()
            if selects({"matchLabels": wanted}, w["spec"]["template"]["metadata"]["labels"])
        ]
        assert found == [document["metadata"]["name"]]
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler"):
        target = workloads[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_addresses_that_processes_are_given_exist(overlay: str) -> None:
    """Every host name in a process's environment is a Service of the overlay, on a port that it has."""
    services = {
        s["metadata"]["name"]: {p["port"] for p in s["spec"]["ports"]} for s in of_kind(overlay, "Service")
    }
    secrets = {s["metadata"]["name"] for s in of_kind(overlay, "Secret")}
    for name, container in containers(overlay):
        for variable in container.get("env", []):
            value = variable.get("value", "")
            for part in value.split(","):
                target = part.partition("=")[2] or part
                if "://" not in target:
                    continue
                host, _, port = target.split("://")[1].strip("/").partition("/")[0].partition(":")
                assert int(port) in services[host], (name, target)
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and overlay == "dev":
                assert any(secret.startswith(reference["name"]) for secret in secrets)


def test_the_images_are_built_from_what_is_here() -> None:
    """Every folder that the Dockerfile copies and every module that it or a manifest starts exists."""
    dockerfile = (K8S / "images" / "Dockerfile").read_text()
    for line in dockerfile.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            for source in words[1:-1]:
                assert (K8S.parent / source).exists(), source
    targets = {line.rsplit(" AS ", 1)[1] for line in dockerfile.splitlines() if " AS " in line}
    assert set(OWN_IMAGES) <= targets
    modules = {"router_svc", "specialist_svc", "tool_svc.sql"}
    for overlay in OVERLAYS:
        modules |= {c["args"][1] for _, c in containers(overlay) if c.get("args", [""])[0] == "-m"}
    for module in modules:
        assert find_spec(module) is not None, module
        assert f'"{module}"' in dockerfile or module.count(".") >= 1
