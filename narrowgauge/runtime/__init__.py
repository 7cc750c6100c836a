"""What every service shares: config, status, telemetry, lifecycle, channels. No machine learning."""

import os

# gRPC's C core logs closed connections to stderr, between our JSON lines; it reads this once, when loaded.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
