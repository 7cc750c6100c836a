"""What every service shares: config, status, telemetry, lifecycle, channels. No machine learning."""

import os

# gRPC's C core logs every closed connection to stderr, between our JSON lines; it reads this once, when loaded.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
