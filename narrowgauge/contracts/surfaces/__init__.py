"""Surfaces: how a specialist writes a message. One file an implementation."""
