"""Manifests and processes agree on every environment variable."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from manifests import IMAGES, OVERLAYS, SECRETS, Container, containers

from narrowgauge.runtime.config import read_config
from narrowgauge.runtime.lifecycle import ServerLimits
from narrowgauge.runtime.tls import Tls
from router_svc.config import RouterConfig
from specialist_svc.settings import Settings
from tool_svc.salesforce.config import SalesforceConfig
from tool_svc.salesforce.local_server.__main__ import LocalServerConfig
from tool_svc.sql.config import SqlConfig

CONFIGS: dict[str, type[Any]] = {
    "router_svc": RouterConfig,
    "specialist_svc": Settings,
    "tool_svc.sql": SqlConfig,
    "tool_svc.salesforce": SalesforceConfig,
    "tool_svc.salesforce.local_server": LocalServerConfig,
}
DATA_WRITERS = {"narrowgauge.demo.warehouse", "narrowgauge.demo.organisation"}
# Read by every process, outside of its dataclass.
COMMON = {"NARROWGAUGE_HOME", "NARROWGAUGE_LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT"}


def fields(cls: type[Any]) -> Iterator[dataclasses.Field[Any]]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from fields(hints[field.name])
        elif "env" in field.metadata:
            yield field


def variables(cls: type[Any]) -> set[str]:
    return {field.metadata["env"] for field in fields(cls)}


def services(overlay: str) -> list[tuple[Container, type[Any]]]:
    ours = [container for container in containers(overlay, "containers") if container.target]
    for container in ours:
        assert container.arguments[0] == "-m", container.name
    return [(container, CONFIGS[container.arguments[1]]) for container in ours]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_one_that_the_process_reads(overlay: str) -> None:
    """A misspelt or outgrown variable is found here, because a process ignores what it does not know."""
    for container, config in services(overlay):
        known = variables(config) | variables(ServerLimits) | variables(Tls) | COMMON
        given = {variable["name"] for variable in container.spec["env"]}
        in_image = {name for name in IMAGES.environment(container.target) if name.startswith("NARROWGAUGE_")}
        assert given <= known, container.name
        assert in_image <= known, container.name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_accepts_its_environment(overlay: str) -> None:
    """All required variables are there, with values that the process takes as they are."""
    found = services(overlay)
    assert {config for _, config in found} >= {RouterConfig, Settings, SqlConfig, SalesforceConfig}
    for container, config in found:
        secrets = SECRETS | ({"url": "http://salesforce-local:8080"} if overlay == "dev" else {})
        environment = container.environment(secrets)
        value = read_config(config, environment)
        if isinstance(value, Settings):
            assert value.specialists == (value.model.name,)
        if isinstance(value, RouterConfig):
            specialists = {
                other.environment(secrets)["NARROWGAUGE_SPECIALIST"]
                for other, config in found
                if config is Settings
            }
            assert set(value.specialists) == specialists
        pod = container.workload["spec"]["template"]["spec"]
        drain_s = getattr(value, "drain_s", None)
        if drain_s is not None:
            assert drain_s < pod["terminationGracePeriodSeconds"], container.name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_stands_in_a_manifest(overlay: str) -> None:
    """Secret variables come from Secrets; the state store's address carries no password."""
    for container, config in services(overlay):
        secret = {field.metadata["env"] for field in fields(config) if field.metadata.get("secret")}
        for variable in container.spec["env"]:
            if variable["name"] in secret and "value" in variable:
                assert variable["value"] == "redis://valkey:6379/0", container.name


def test_demo_systems_are_written_by_the_image_of_the_tools() -> None:
    """The init containers of `dev` start modules that exist, and no other overlay has any."""
    for overlay in OVERLAYS:
        writers = {container.arguments[1] for container in containers(overlay, "initContainers")}
        assert writers == (DATA_WRITERS if overlay == "dev" else set())
