"""The router service: plans a request and executes it as a chain."""
