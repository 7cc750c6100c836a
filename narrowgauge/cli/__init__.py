"""The `narrowgauge` command: starts services as processes and talks gRPC to them."""
