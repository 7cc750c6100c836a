"""The organisation that the server holds: one database, its sessions, and the cursors of long queries."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from narrowgauge.errors import DataLoss, FailedPrecondition
from tool_svc.salesforce.local_server.faults import Fault
from tool_svc.salesforce.local_server.records import Records
from tool_svc.salesforce.local_server.schema import ObjectType, Schema, load_schema
from tool_svc.salesforce.local_server.soql_execution import run_soql

__all__ = ["Organisation", "Page"]

_MAX_CURSORS = 32
# How long a write waits for another process that holds the file.
_BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Page:
    """A part of a query's records.

    Attributes:
        records: The records of this page.
        total: Records of the whole query.
        cursor: Names the next page; empty on the last one.
    """

    records: list[dict[str, Any]]
    total: int
    cursor: str


class Organisation:
    """One organisation. Safe to use from several threads; requests run one after another."""

    def __init__(
        self,
        path: Path,
        token: str,
        *,
        page_size: int = 2000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        login: tuple[str, str] | None = None,
    ) -> None:
        """Opens the database.

        Args:
            path: What `narrowgauge.demo.organisation.build_organisation` wrote.
            token: Access token that is always valid.
            page_size: Records a page of a query has at most.
            clock: The time, in UTC.
            login: User name, and password followed by the security token, for the SOAP login.

        Raises:
            FailedPrecondition: `NO_ORGANISATION`: the file is missing.
            DataLoss: `BAD_ORGANISATION`: the file is no such database.
        """
        if not path.is_file():
            raise FailedPrecondition(
                "NO_ORGANISATION",
                f"{path} does not exist; narrowgauge.demo.organisation.build_organisation writes it",
            )
        self._connection = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=_BUSY_TIMEOUT_S
        )
        try:
            self.schema: Schema = load_schema(self._connection)
        except sqlite3.Error as exc:
            self._connection.close()
            raise DataLoss("BAD_ORGANISATION", f"{path} is not an organisation's database: {exc}") from exc
        self.changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        self._lock = threading.Lock()
        self._token = token
        self._tokens = {token}
        self._login = login
        self._page_size = page_size
        self._clock = clock
        self._cursors: OrderedDict[str, tuple[list[dict[str, Any]], int, int]] = OrderedDict()
        self._user = self._first_user()

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._connection.close()

    def authorised(self, token: str) -> bool:
        """Tells whether a token opens a session."""
        return any(hmac.compare_digest(token.encode(), known.encode()) for known in self._tokens)

    def login(self, username: str, password: str) -> str:
        """Returns a new session's token.

        Raises:
            Fault: INVALID_LOGIN.
        """
        if self._login is None or not hmac.compare_digest(
            f"{username}\0{password}".encode(), "\0".join(self._login).encode()
        ):
            raise Fault(
                500,
                "INVALID_LOGIN",
                "Invalid username, password, security token; or user locked out.",
            )
        token = f"00D!{secrets.token_hex(24)}"
        self._tokens.add(token)
        return token

    def end_sessions(self) -> None:
        """Ends all sessions that a login began; the fixed token stays valid."""
        self._tokens = {self._token}

    def object(self, name: str) -> ObjectType:
        """Returns an object.

        Raises:
            Fault: NOT_FOUND.
        """
        entry = self.schema.object(name)
        if entry is None:
            raise Fault(404, "NOT_FOUND", "The requested resource does not exist")
        return entry

    @contextmanager
    def transaction(self) -> Iterator[Records]:
        """Gives access to the records; what is done within is stored as a whole or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Records(self._connection, self.schema, self._user, self._clock())
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def query(self, soql: str, version: str, *, include_deleted: bool = False, batch: int = 0) -> Page:
        """Runs SOQL and returns its first page.

        Args:
            soql: The query.
            version: API version of the request.
            include_deleted: Show deleted records too.
            batch: Page size that the client asks for; 0 for the server's own.

        Raises:
            Fault: The query is malformed, or names what does not exist.
        """
        with self._lock:
            answer = run_soql(
                self._connection,
                self.schema,
                soql,
                today=self._clock().date(),
                version=version,
                include_deleted=include_deleted,
            )
        size = min(batch or self._page_size, self._page_size)
        return self._page(answer.records, answer.total, size)

    def more(self, cursor: str) -> Page:
        """Returns the page that a cursor names.

        Raises:
            Fault: INVALID_QUERY_LOCATOR.
        """
        with self._lock:
            found = self._cursors.get(cursor)
        if found is None:
            raise Fault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        records, begin, size = found
        return self._page(records, len(records), size, begin)

    def _page(self, records: list[dict[str, Any]], total: int, size: int, begin: int = 0) -> Page:
        end = begin + size
        if end >= len(records):
            return Page(records[begin:], total, "")
        cursor = f"01g{secrets.token_hex(8)}-{end}"
        with self._lock:
            self._cursors[cursor] = (records, end, size)
            while len(self._cursors) > _MAX_CURSORS:
                self._cursors.popitem(last=False)
        return Page(records[begin:end], total, cursor)

    def _first_user(self) -> str:
        row = self._connection.execute('SELECT MIN("Id") FROM "User"').fetchone()
        return str(row[0])
