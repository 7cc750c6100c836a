"""What a specialist's routes are fitted to."""

from __future__ import annotations

from pathlib import Path

from narrowgauge.contracts.bundle import example_requests
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.contracts.specialist import CONFIG_FILE, SpecialistConfig

TOML = """
name = "sql"
contract = "narrowgauge.tools.sql.v1.SqlToolService"
surface = "sql"
instruction = "Write SQL."
"""


def test_lines_of_requests_txt_join_the_contracts_examples(tmp_path: Path) -> None:
    """Each line that is not blank is a request, after those of the contract."""
    services = {contract.service: contract for contract in contracts_in(builtin_descriptor_set())}
    (tmp_path / CONFIG_FILE).write_text(TOML, encoding="utf-8")
    config = SpecialistConfig.read(tmp_path)
    contract = services[config.contract]
    without = example_requests(config, contract)
    (tmp_path / "requests.txt").write_text("orders per week\n\n  who sells most \n", encoding="utf-8")
    assert example_requests(config, contract) == [*without, "orders per week", "who sells most"]
