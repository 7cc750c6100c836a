"""What the SQL tool is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass

from narrowgauge.runtime.config import env
from tool_svc.sql.hidden_values import HiddenValues

__all__ = ["SqlConfig"]


@dataclass(frozen=True, kw_only=True)
class SqlConfig:
    """One database, and the bounds of a query."""

    listen: str = env("NARROWGAUGE_LISTEN", "address to serve on", default="127.0.0.1:5201")
    dsn: str = env(
        "NARROWGAUGE_SQL_DSN",
        "the database: sqlite:///absolute/path.db or postgresql://user:password@host/name",
        secret=True,
    )
    max_rows: int = env("NARROWGAUGE_SQL_MAX_ROWS", "rows a query returns", default=1000, minimum=1)
    max_bytes: int = env(
        "NARROWGAUGE_SQL_MAX_BYTES", "bytes of rows a query returns", default=4_000_000, minimum=1000
    )
    timeout_s: float = env("NARROWGAUGE_SQL_TIMEOUT_S", "longest time of a query", default=10.0, minimum=0.01)
    catalogue_age_s: float = env(
        "NARROWGAUGE_SQL_CATALOGUE_AGE_S",
        "after this the catalogue is read again",
        default=60.0,
        minimum=0,
    )
    hidden_values: tuple[str, ...] = env(
        "NARROWGAUGE_SQL_HIDDEN_VALUES",
        "columns whose values stay in the tool: table.column, table.* or *, and !table.column for exceptions",
        default=(),
    )
    workers: int = env("NARROWGAUGE_SQL_WORKERS", "queries at once", default=4, minimum=1, maximum=64)
    drain_s: float = env(
        "NARROWGAUGE_DRAIN_S", "time that queries in flight get at the end", default=10.0, minimum=0
    )

    def __post_init__(self) -> None:
        """Checks the form of DSN and hidden columns; `ValueError` is reported as BAD_CONFIG."""
        if not self.dsn.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("NARROWGAUGE_SQL_DSN: write sqlite:///absolute/path.db or postgresql://…")
        try:
            HiddenValues(self.hidden_values)
        except ValueError as error:
            raise ValueError(
                f"NARROWGAUGE_SQL_HIDDEN_VALUES: {','.join(self.hidden_values)!r} {error}"
            ) from error
