"""The product's three specialists, as the bundle's compiler gives them to the router."""

from __future__ import annotations

from narrowgauge.contracts.bundle import carried_specialists, example_requests
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.contracts.specialist import SpecialistConfig


def specialists() -> dict[str, tuple[str, list[str]]]:
    """Descriptions and examples, of the contracts and of the specialists' folders."""
    services = {contract.service: contract for contract in contracts_in(builtin_descriptor_set())}
    configs = [SpecialistConfig.read(folder) for folder in carried_specialists()]
    return {
        config.name: (
            services[config.contract].description,
            example_requests(config, services[config.contract]),
        )
        for config in configs
    }
