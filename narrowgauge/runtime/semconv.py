"""Every name of a span, an attribute or an instrument, in one place.

RPC names are those of the OpenTelemetry RPC conventions; `gen_ai.*` names those of the GenAI conventions,
which are still changing (https://github.com/open-telemetry/semantic-conventions-genai). Names of our own
begin with `narrowgauge.`. No attribute holds text of a request, a call or a result.
"""

from __future__ import annotations

from typing import Final

# Span names, one a hop.
SPAN_DISPATCH: Final = "dispatch"
SPAN_PLAN: Final = "plan"
SPAN_STEP: Final = "step"
SPAN_SPECIALIST: Final = "specialist"
SPAN_QUEUE: Final = "queue"
SPAN_PREFILL: Final = "prefill"
SPAN_DECODE: Final = "decode"
SPAN_VALIDATE: Final = "validate"
SPAN_TOOL: Final = "tool"
SPAN_APPROVAL: Final = "approval"
SPAN_STATE: Final = "state"
SPAN_COMPACT: Final = "compact"

# RPC.
RPC_SYSTEM: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_STATUS: Final = "rpc.response.status_code"
RPC_STREAM: Final = "narrowgauge.rpc.stream"  # true for bidirectional streams
ERROR_TYPE: Final = "error.type"

# Chains.
SESSION_ID: Final = "gen_ai.conversation.id"
BUNDLE_HASH: Final = "narrowgauge.bundle.hash"
STEP_ID: Final = "narrowgauge.step.id"
STEP_COUNT: Final = "narrowgauge.step.count"
STEP_ATTEMPT: Final = "narrowgauge.step.attempt"
SPECIALIST: Final = "narrowgauge.specialist"
SIDE_EFFECT: Final = "narrowgauge.side_effect"
HOP: Final = "narrowgauge.hop"
REASON: Final = "narrowgauge.reason"
OUTCOME: Final = "narrowgauge.outcome"
ROW_COUNT: Final = "narrowgauge.rows"
CONTENT: Final = "narrowgauge.content"

# Models and tools.
OPERATION: Final = "gen_ai.operation.name"
MODEL: Final = "gen_ai.request.model"
TOOL_NAME: Final = "gen_ai.tool.name"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
FORCED_TOKENS: Final = "narrowgauge.usage.forced_tokens"
REDECODES: Final = "narrowgauge.redecodes"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  a token of text

# Instruments.
CHAIN_DURATION: Final = "narrowgauge.chain.duration"
STEP_DURATION: Final = "narrowgauge.step.duration"
HOP_DURATION: Final = "narrowgauge.hop.duration"
CHAINS_ACTIVE: Final = "narrowgauge.chain.active"
STEPS: Final = "narrowgauge.steps"
TIME_TO_FIRST_TOKEN: Final = "gen_ai.server.time_to_first_token"  # noqa: S105  a token of text
TOKENS: Final = "narrowgauge.tokens"
QUEUE_DEPTH: Final = "narrowgauge.queue.depth"
ABSTENTIONS: Final = "narrowgauge.abstentions"
REPAIRS: Final = "narrowgauge.repairs"
FAILURES: Final = "narrowgauge.failures"
RPC_SERVER_DURATION: Final = "rpc.server.call.duration"
RPC_CLIENT_DURATION: Final = "rpc.client.call.duration"
