"""What benchmarks compare: one workload, engines behind one Protocol, and the peers' own implementations.

`narrowgauge bench` runs each engine in a process of its own, which `narrowgauge.bench.worker` serves. Nothing
else in the product imports this package.
"""
