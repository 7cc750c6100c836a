"""A real PostgreSQL server in a temporary folder, for the tests of the SQL tool."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from narrowgauge.demo.warehouse import SCHEMA, rows_of_warehouse

_ROLE = "narrowgauge"


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Starts a server on loopback; yields the DSN of its empty database.

    The server refuses to run as root, so that root hands it to the user `nobody`.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not programs:
        pytest.fail("PostgreSQL is missing: run scripts/system_packages.sh")
    root = os.geteuid() == 0
    data = folder / "data"
    data.mkdir()
    if root:
        shutil.chown(data, "nobody")
        for parent in (folder, *folder.parents):
            if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
    user = ["runuser", "-u", "nobody", "--"] if root else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [*user, *map(str, command)], cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    options = ("--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale")
    run(programs[-1] / "initdb", "-D", data, "-U", _ROLE, *options)
    settings = f"-p {port} -h 127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=20"
    # -l: the server keeps the descriptors that it starts with, and a pipe to us would never close.
    run(programs[-1] / "pg_ctl", "-D", data, "-l", data / "server.log", "-o", settings, "-w", "start")
    try:
        yield f"postgresql://{_ROLE}@127.0.0.1:{port}/postgres"
    finally:
        run(programs[-1] / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def load_warehouse(dsn: str) -> None:
    """Fills a database with the demo warehouse."""
    with psycopg.connect(dsn) as connection:
        for statement in SCHEMA.split(";"):
            if statement.strip():
                connection.execute(statement.encode())
        # SQLite keeps truth values as numbers.
        connection.execute("ALTER TABLE products ALTER discontinued TYPE integer USING discontinued::integer")
        for table, rows in rows_of_warehouse():
            with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute(
            "ALTER TABLE products ALTER discontinued TYPE boolean USING discontinued::integer::boolean"
        )
        connection.execute("CREATE SCHEMA archive")
        connection.execute('CREATE TABLE archive."Old orders" (id integer, "100 %" text)')
        connection.execute("""INSERT INTO archive."Old orders" VALUES (1, 'all')""")
