"""The manifests of every overlay: valid for Kubernetes, least privilege, default-deny."""

from __future__ import annotations

import kubernetes_validate
import pytest
from manifests import OVERLAYS, WORKLOADS, containers, of_kind, render, selects

# The oldest Kubernetes whose schemas all manifests must meet, and the newest known to the validator.
VERSIONS = ("1.32.0", kubernetes_validate.latest_version())


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
    for container in containers(overlay):
        name, context = container.name, container.spec["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert "memory" in container.spec["resources"]["limits"], name
        assert set(container.spec["resources"]["requests"]) == {"cpu", "memory"}, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_server_has_probes_and_a_pinned_image(overlay: str) -> None:
    """Each long-running container says when it is ready and alive; no image floats."""
    for container in containers(overlay, "containers"):
        assert {"readinessProbe", "livenessProbe"} <= set(container.spec), container.name
    for container in containers(overlay):
        _, _, tag = container.spec["image"].rpartition(":")
        assert tag[:1].isdigit() and tag.count(".") == 2, container.name


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
    assert len(pods) >= 3
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
    for container in containers(overlay):
        for variable in container.spec.get("env", []):
            value = variable.get("value", "")
            for part in value.split(","):
                target = part.partition("=")[2] or part
                if "://" not in target:
                    continue
                host, _, port = target.split("://")[1].strip("/").partition("/")[0].partition(":")
                assert int(port) in services[host], (container.name, target)
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and overlay == "dev":
                assert any(secret.startswith(reference["name"]) for secret in secrets)


def test_under_tls_every_process_has_the_certificate_and_probes_itself() -> None:
    """Router, specialists and tools read the mounted secret; no probe of theirs is in plain text."""
    found = [c for c in containers("tls", "containers") if c.target]
    assert len(found) == 6
    for container in found:
        pod = container.workload["spec"]["template"]["spec"]
        (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "tls")
        assert volume["secret"] == {"secretName": "narrowgauge-tls", "defaultMode": 0o440}
        (mount,) = (mount for mount in container.spec["volumeMounts"] if mount["name"] == "tls")
        assert mount["readOnly"] is True
        values = {v["name"]: v.get("value", "") for v in container.spec["env"]}
        for variable, file in (("CERT", "tls.crt"), ("KEY", "tls.key"), ("CA", "ca.crt")):
            assert values[f"NARROWGAUGE_TLS_{variable}"] == f"{mount['mountPath']}/{file}"
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container.spec[probe]["exec"]["command"] == ["python", "-m", "narrowgauge.runtime.probe"]
            assert "grpc" not in container.spec[probe]


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "dev"])
def test_every_specialist_scales_on_its_own(overlay: str) -> None:
    """Router and specialists have an autoscaler each, a specialist that a site adds too."""
    scaled = {
        scaler["spec"]["scaleTargetRef"]["name"] for scaler in of_kind(overlay, "HorizontalPodAutoscaler")
    }
    assert scaled == {
        workload["metadata"]["name"]
        for workload in of_kind(overlay, "Deployment")
        if workload["metadata"]["labels"]["app.kubernetes.io/component"] in ("router", "specialist")
    }


def test_the_gpu_overlay_differs_in_the_specialists_alone() -> None:
    """Each specialist asks for one GPU and runs on CUDA; everything else is onprem-cpu."""
    plain = {(d["kind"], d["metadata"]["name"]): d for d in render("onprem-cpu")}
    changed = {
        name
        for (kind, name), d in {(d["kind"], d["metadata"]["name"]): d for d in render("onprem-gpu")}.items()
        if plain[kind, name] != d
    }
    assert changed == {"specialist-sql", "specialist-salesforce", "specialist-summary"}
    for container in containers("onprem-gpu", "containers"):
        if container.name in changed:
            assert container.target == "specialist-gpu"
            assert container.spec["resources"]["limits"]["nvidia.com/gpu"] == 1
            assert {"name": "NARROWGAUGE_PROVIDER", "value": "cuda"} in container.spec["env"]
