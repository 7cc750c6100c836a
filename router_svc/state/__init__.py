"""The chains' state: append-only logs of events with leases, in SQLite or in Redis/Valkey."""
