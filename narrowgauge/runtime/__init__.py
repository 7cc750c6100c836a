"""What every service shares: config, status, telemetry, lifecycle, channels. No machine learning."""
