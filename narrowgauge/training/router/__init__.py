"""Trains the router's encoder: wording, composed requests, corpora, the model and its export."""
