"""The compiled router: encoder, heads, calibration. Fitted by `narrowgauge compile`, run by `router_svc`."""
