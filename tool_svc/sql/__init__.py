"""The SQL tool: structured SELECTs over SQLite and PostgreSQL."""
