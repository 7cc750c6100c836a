"""The HTTP side: simple-salesforce with one shared session, bounded waits, and retries where they are safe.

Calls block; the servicer runs them in threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from narrowgauge.errors import DeadlineExceeded, NarrowgaugeError, Unavailable
from tool_svc.salesforce.config import SalesforceConfig
from tool_svc.salesforce.failures import error_of

__all__ = ["Connection", "Deadline", "NotModified", "OutcomeUnknown", "path_segment"]

T = TypeVar("T")
_RETRY_WAITS_S = (0.1, 0.4)


class NotModified(Exception):
    """The caller's copy is current (HTTP 304)."""


class OutcomeUnknown(Exception):
    """A write was sent and no answer came: it may have happened.

    Attributes:
        error: What the caller is told when nothing better is known.
    """

    def __init__(self, error: NarrowgaugeError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True)
class Deadline:
    """When a call must have ended, on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Returns the deadline that lies so many seconds ahead."""
        return cls(time.monotonic() + seconds)

    def left_s(self) -> float:
        """Returns the seconds left.

        Raises:
            DeadlineExceeded: None are left.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded("SALESFORCE_TIMEOUT", "the time allowed for the Salesforce call ran out")
        return left


class _Session(requests.Session):
    """Sends what simple-salesforce asks for to the configured instance, and always with a timeout."""

    def __init__(self, url: str, timeout_s: float, connections: int) -> None:
        super().__init__()
        self._base = urlsplit(url)
        self._timeout_s = timeout_s
        # Many threads share the session: as many connections as threads are kept.
        adapter = HTTPAdapter(pool_maxsize=connections)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)
        self.trust_env = False  # neither a proxy nor a .netrc of the surroundings

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        # simple-salesforce logs in at login.salesforce.com and always speaks https; the configured instance,
        # loopback too, is the only host that this process talks to.
        parts = urlsplit(str(url))
        url = parts._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        kwargs.setdefault("timeout", self._timeout_s)
        kwargs["allow_redirects"] = False
        return super().request(method, url, *args, **kwargs)


class Connection:
    """Calls the organisation's REST API. Safe to use from several threads."""

    def __init__(self, config: SalesforceConfig, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._config = config
        self._sleep = sleep
        self._session = _Session(config.url, config.timeout_s, config.workers)
        self._lock = threading.Lock()
        self._client: Salesforce | None = None

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def read(
        self,
        path: str,
        deadline: Deadline,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Reads a resource, again when Salesforce could not be reached.

        Args:
            path: Below `/services/data/vXX.X/`, or from the root when it begins with a slash.
            deadline: When to give up.
            parameters: The query string.
            headers: Further headers.

        Returns:
            The answer's JSON.

        Raises:
            NotModified: The answer was 304.
            NarrowgaugeError: Salesforce refused, or could not be reached.
        """
        for wait_s in (*_RETRY_WAITS_S, None):
            try:
                return self._call("GET", path, deadline, parameters=parameters, headers=headers)
            except _Failure as failure:
                again = isinstance(failure.error, Unavailable)
                if wait_s is None or not again or wait_s >= deadline.left_s():
                    raise failure.error from failure.__cause__
                self._sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def write(self, method: str, path: str, deadline: Deadline, body: Mapping[str, Any] | None = None) -> Any:
        """Sends a write once.

        Returns:
            The answer's JSON; None when it has no content.

        Raises:
            NarrowgaugeError: Salesforce refused, or the write was never sent.
            OutcomeUnknown: It was sent, and it is not known whether it happened.
        """
        try:
            return self._call(method, path, deadline, body=body)
        except _Failure as failure:
            if failure.sent:
                raise OutcomeUnknown(failure.error) from failure.__cause__
            raise failure.error from failure.__cause__

    def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        timeout_s = min(self._config.timeout_s, deadline.left_s())
        options: dict[str, Any] = {"timeout": timeout_s}
        if headers:
            options["headers"] = dict(headers)
        if body is not None:
            options["data"] = json.dumps(body, allow_nan=False)
        try:
            client = self._signed_in()
            if path.startswith("/"):
                return client.query_more(path, identifier_is_url=True, **options)
            return client.restful(path, dict(parameters) if parameters else None, method, **options)
        except SalesforceError as exc:
            if getattr(exc, "status", None) == 304:
                raise NotModified from None
            error = error_of(exc)
            # A gateway's 5xx does not say whether the organisation behind it has done the work; a refusal in
            # Salesforce's own words does.
            sent = isinstance(error, Unavailable) and error.reason == "BAD_ANSWER"
            raise _Failure(error, sent=sent) from exc
        except requests.exceptions.JSONDecodeError as exc:
            message = "Salesforce's answer is not JSON; is NARROWGAUGE_SALESFORCE_URL the instance's address?"
            raise _Failure(Unavailable("BAD_ANSWER", message), sent=True) from exc
        except requests.exceptions.RequestException as exc:
            raise _failure_of(exc, timeout_s, self._config.url) from exc

    def _signed_in(self) -> Salesforce:
        with self._lock:
            if self._client is None:
                config = self._config
                if config.token:
                    self._client = Salesforce(
                        session_id=config.token,
                        instance_url=config.url,
                        version=config.api_version,
                        session=self._session,
                        object_pairs_hook=dict,
                    )
                else:
                    # With these, simple-salesforce signs in again when a session has expired.
                    self._client = Salesforce(
                        username=config.username,
                        password=config.password,
                        security_token=config.security_token,
                        version=config.api_version,
                        session=self._session,
                        object_pairs_hook=dict,
                    )
            return self._client


class _Failure(Exception):
    """An attempt that failed. `sent`: the request may have reached Salesforce and been executed."""

    def __init__(self, error: NarrowgaugeError, *, sent: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.sent = sent


def _failure_of(exc: requests.exceptions.RequestException, timeout_s: float, url: str) -> _Failure:
    reason = exc.args[0] if exc.args else None
    cause = reason.reason if isinstance(reason, MaxRetryError) else reason
    host = urlsplit(url).netloc
    if isinstance(cause, ConnectTimeoutError | NewConnectionError):
        return _Failure(Unavailable("SALESFORCE_DOWN", f"Salesforce at {host} cannot be reached"), sent=False)
    if isinstance(exc, requests.exceptions.Timeout):
        message = f"Salesforce at {host} did not answer within {timeout_s:.3g} s"
        return _Failure(DeadlineExceeded("SALESFORCE_TIMEOUT", message), sent=True)
    message = f"the connection to Salesforce at {host} broke ({type(exc).__name__})"
    return _Failure(Unavailable("SALESFORCE_DOWN", message), sent=True)


def path_segment(text: str) -> str:
    """Escapes a value for use as one segment of a path."""
    return quote(text, safe="")
