"""One file a kind of evaluation: load the gold, say what is sent, compare, measure."""
