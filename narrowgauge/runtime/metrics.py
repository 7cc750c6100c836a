"""The instruments. They cost next to nothing until `configure_telemetry` finds an endpoint to export to.

All durations are in seconds, as OpenTelemetry asks. Attributes are `semconv` names with few values: never a
session, a step or a text.
"""

from __future__ import annotations

from opentelemetry import metrics

from narrowgauge.runtime import semconv

__all__ = [
    "abstentions",
    "chain_duration",
    "chains_active",
    "failures",
    "hop_duration",
    "queue_depth",
    "repairs",
    "rpc_client_duration",
    "rpc_server_duration",
    "step_duration",
    "steps",
    "time_to_first_token",
    "tokens",
]

# From a forced token to a long chain: 1 ms to 60 s.
_SECONDS = [
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0),
]

_meter = metrics.get_meter("narrowgauge")


def _seconds(name: str, description: str) -> metrics.Histogram:
    return _meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=_SECONDS
    )


chain_duration = _seconds(semconv.CHAIN_DURATION, "Chains from start to end, approvals excluded, by OUTCOME.")
step_duration = _seconds(semconv.STEP_DURATION, "Steps, approvals excluded, by SPECIALIST and OUTCOME.")
hop_duration = _seconds(semconv.HOP_DURATION, "Hops of a step, by HOP (a span name) and SPECIALIST.")
time_to_first_token = _seconds(semconv.TIME_TO_FIRST_TOKEN, "Until the first sampled token, by SPECIALIST.")
rpc_server_duration = _seconds(semconv.RPC_SERVER_DURATION, "RPCs as served, by RPC_METHOD and RPC_STATUS.")
rpc_client_duration = _seconds(semconv.RPC_CLIENT_DURATION, "RPCs as called, by RPC_METHOD and RPC_STATUS.")

chains_active = _meter.create_up_down_counter(
    semconv.CHAINS_ACTIVE, unit="{chain}", description="Chains that run now."
)
queue_depth = _meter.create_up_down_counter(
    semconv.QUEUE_DEPTH, unit="{request}", description="Requests that wait for a slot, by SPECIALIST."
)
steps = _meter.create_counter(
    semconv.STEPS, unit="{step}", description="Steps that ended, by SPECIALIST, OUTCOME."
)
tokens = _meter.create_counter(
    semconv.TOKENS,
    unit="{token}",
    description="Tokens, by SPECIALIST and TOKEN_TYPE: prompt, cached, output, forced.",
)
abstentions = _meter.create_counter(
    semconv.ABSTENTIONS, unit="{step}", description="Sub-tasks for which the router found no specialist."
)
repairs = _meter.create_counter(
    semconv.REPAIRS,
    unit="{call}",
    description="Calls written again after an error, by SPECIALIST and REASON.",
)
failures = _meter.create_counter(
    semconv.FAILURES, unit="{failure}", description="Failures, by HOP and REASON (of ErrorInfo)."
)
