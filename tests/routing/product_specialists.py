"""The product's three specialists, as the bundle's compiler gives them to the router."""

from __future__ import annotations

from narrowgauge.contracts.contract import contract_of
from narrowgauge.tools.salesforce.v1 import salesforce_pb2
from narrowgauge.tools.sql.v1 import sql_pb2
from narrowgauge.tools.text.v1 import text_pb2


def specialists() -> dict[str, tuple[str, list[str]]]:
    """Descriptions and examples as the bundle's compiler takes them from the contracts."""
    services = [
        salesforce_pb2.DESCRIPTOR.services_by_name["SalesforceToolService"],
        sql_pb2.DESCRIPTOR.services_by_name["SqlToolService"],
        text_pb2.DESCRIPTOR.services_by_name["TextToolService"],
    ]
    contracts = [contract_of(service) for service in services]
    return {c.specialist: (c.description, [e for tool in c.tools for e in tool.examples]) for c in contracts}
