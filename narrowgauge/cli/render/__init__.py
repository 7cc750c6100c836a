"""How plans, events, results and traces look on a terminal of 100 columns."""
