"""`narrowgauge bench`: how fast, on this machine, with the breakdown."""
