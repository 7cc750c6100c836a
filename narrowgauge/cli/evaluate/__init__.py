"""`narrowgauge eval`: serves what is evaluated, asks it over gRPC, prints the figures."""
