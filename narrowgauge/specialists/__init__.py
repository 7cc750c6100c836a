"""The shipped specialists: a folder each, with its config, examples and adapter."""
