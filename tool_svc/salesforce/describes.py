"""What the organisation's objects are: describes, cached, and checked for changes when they grow old."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from narrowgauge.contracts.salesforce_catalogue import Described, described_of, usual_objects
from narrowgauge.errors import InvalidRequest
from tool_svc.salesforce.connection import Connection, Deadline, NotModified

__all__ = ["Describes", "ResolvedField"]

# Parents that may be of several objects have these fields in common (SOQL's object `Name`).
_NAME_FIELDS = ("Id", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "Type")
# Clocks of client and server differ; an answer too many is cheap, a change missed is not.
_CLOCK_MARGIN_S = 300
_ADVICE = "Please reference your WSDL or the describe call for the appropriate names."


@dataclass(frozen=True)
class ResolvedField:
    """A field path that exists.

    Attributes:
        path: In the organisation's own spelling.
        type: The field's type, lower case.
    """

    path: tuple[str, ...]
    type: str

    @property
    def text(self) -> str:
        """The path as a query writes it."""
        return ".".join(self.path)


@dataclass
class _Cached:
    described: Described
    fetched_at: float
    fetched_wall: float


class Describes:
    """The objects that calls may name. Safe to use from several threads."""

    def __init__(
        self,
        connection: Connection,
        objects: Sequence[str],
        max_age_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._wanted = tuple(objects)
        self._max_age_s = max_age_s
        self._clock = clock
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._names_at = float("-inf")
        self._cache: dict[str, _Cached] = {}

    def names(self, deadline: Deadline) -> tuple[str, ...]:
        """Returns the API names of the objects that calls may name.

        Raises:
            NarrowgaugeError: The organisation does not answer, or lacks an object that was configured.
        """
        with self._lock:
            if self._clock() - self._names_at <= self._max_age_s:
                return self._names
        listed = self._connection.read("sobjects", deadline)["sobjects"]
        names = self._chosen(listed)
        with self._lock:
            self._names, self._names_at = names, self._clock()
        return names

    def object(self, name: str, deadline: Deadline) -> Described:
        """Returns an object, in any case of its name.

        Raises:
            InvalidRequest: `INVALID_TYPE`: there is no such object, in Salesforce's words.
            NarrowgaugeError: The organisation does not answer.
        """
        names = self.names(deadline)
        known = next((entry for entry in names if entry.lower() == name.lower()), None)
        if known is None:
            raise InvalidRequest(
                "INVALID_TYPE",
                f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be "
                f"sure to append the '__c' after the entity name. {_ADVICE}{_nearest(name, names)}",
                metadata={"errorCode": "INVALID_TYPE"},
            )
        return self._described(known, deadline)

    def all(self, deadline: Deadline) -> list[Described]:
        """Returns all objects; describes that are missing are read several at a time."""
        names = self.names(deadline)
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="describe") as pool:
            return list(pool.map(lambda name: self._described(name, deadline), names))

    def resolve(self, described: Described, path: str, deadline: Deadline) -> ResolvedField:
        """Resolves a field path of an object.

        Raises:
            InvalidRequest: `INVALID_FIELD`: there is no such field or relationship, in Salesforce's words.
        """
        *steps, name = path.split(".")
        if steps and steps[0].lower() == described.name.lower() and not _follows(described, steps[0]):
            steps = steps[1:]
        spelled: list[str] = []
        current = described
        for index, step in enumerate(steps):
            reference = current.by_relationship.get(step.lower())
            if reference is None:
                raise InvalidRequest(
                    "INVALID_FIELD",
                    f"Didn't understand relationship '{step}' in field path. If you are attempting to use a "
                    "custom relationship, be sure to append the '__r' after the custom relationship name. "
                    f"{_ADVICE}{_nearest(step, [entry.relationship for entry in current.fields])}",
                    metadata={"errorCode": "INVALID_FIELD"},
                )
            spelled.append(reference.relationship)
            if len(reference.references) != 1:
                return self._of_several(spelled, steps[index + 1 :], name)
            current = self._parent(reference.references[0], deadline)
        known = current.by_name.get(name.lower())
        if known is None:
            raise _no_such_column(name, current.name, [entry.name for entry in current.fields])
        return ResolvedField((*spelled, known.name), known.type)

    def _of_several(self, spelled: list[str], rest: list[str], name: str) -> ResolvedField:
        known = next((entry for entry in _NAME_FIELDS if entry.lower() == name.lower()), None)
        if rest or known is None:
            raise _no_such_column(".".join((*rest, name)), "Name", _NAME_FIELDS)
        return ResolvedField((*spelled, known), "id" if known == "Id" else "string")

    def _parent(self, name: str, deadline: Deadline) -> Described:
        """A parent need not be among the objects that calls may name themselves."""
        return self._described(name, deadline)

    def _described(self, name: str, deadline: Deadline) -> Described:
        with self._lock:
            cached = self._cache.get(name)
        if cached is not None and self._clock() - cached.fetched_at <= self._max_age_s:
            return cached.described
        headers: dict[str, str] = {}
        if cached is not None:
            since = formatdate(cached.fetched_wall - _CLOCK_MARGIN_S, usegmt=True)
            headers["If-Modified-Since"] = since
        wall = time.time()
        try:
            body = self._connection.read(f"sobjects/{name}/describe", deadline, headers=headers)
            fresh = _Cached(described_of(body), self._clock(), wall)
        except NotModified:
            assert cached is not None, "304 answers a conditional request only"
            fresh = _Cached(cached.described, self._clock(), cached.fetched_wall)
        with self._lock:
            self._cache[name] = fresh
        return fresh.described

    def _chosen(self, listed: Sequence[dict[str, Any]]) -> tuple[str, ...]:
        usable = {entry["name"]: entry for entry in listed if entry.get("queryable")}
        chosen: dict[str, None] = {}
        for wanted in self._wanted:
            if wanted == "all":
                chosen.update(dict.fromkeys(usable))
            elif wanted == "standard":
                chosen.update(dict.fromkeys(usual_objects(listed)))
            elif wanted in usable:
                chosen[wanted] = None
            else:
                raise InvalidRequest(
                    "BAD_CONFIG",
                    f"NARROWGAUGE_SALESFORCE_OBJECTS: the organisation has no object {wanted}"
                    f"{_nearest(wanted, list(usable))}",
                )
        return tuple(chosen)


def _follows(described: Described, step: str) -> bool:
    return step.lower() in described.by_relationship


def _no_such_column(name: str, entity: str, known: Sequence[str]) -> InvalidRequest:
    return InvalidRequest(
        "INVALID_FIELD",
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure "
        f"to append the '__c' after the custom field name. {_ADVICE}{_nearest(name, known)}",
        field_violations=[(name, f"no such column on {entity}")],
        metadata={"errorCode": "INVALID_FIELD"},
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    """Names that look alike, for the one who repairs the call."""
    lower = {entry.lower(): entry for entry in known if entry}
    close = difflib.get_close_matches(name.lower(), list(lower), n=3, cutoff=0.5)
    return f" Names like it: {', '.join(lower[entry] for entry in close)}." if close else ""
