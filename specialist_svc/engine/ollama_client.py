"""Ollama's HTTP API (https://github.com/ollama/ollama/blob/main/docs/api.md), as far as a backend needs it.

Every error says what to do. Proxies of the environment are not used: a specialist talks to the address that
it was given and to no other.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from narrowgauge.errors import (
    FailedPrecondition,
    InvalidRequest,
    NarrowgaugeError,
    Overloaded,
    Unavailable,
)

__all__ = ["ChatAnswer", "Message", "OllamaClient", "OllamaModel"]

Message = dict[str, str]
"""`role` (system, user or assistant) and `content`."""

_CONNECT_S = 5.0
# Ollama loads a model on the first request; a large one from a slow disk takes minutes.
_SILENCE_S = 300.0
_BUSY_RETRY_MS = 1000


@dataclass(frozen=True)
class OllamaModel:
    """What Ollama says of a model.

    Attributes:
        digest: SHA-256 of the model's manifest.
        context_tokens: Tokens that the model has positions for; 0 when Ollama does not say.
    """

    digest: str
    context_tokens: int


@dataclass(frozen=True)
class ChatAnswer:
    """One finished answer.

    Attributes:
        text: The answer.
        finished: False when it was cut off at its limit of tokens.
        first_token: Instant of `time.monotonic()` at which the first part came.
        prompt_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
    """

    text: str
    finished: bool
    first_token: float
    prompt_tokens: int
    output_tokens: int


class OllamaClient:
    """Talks to one server about one model. Used by one event loop."""

    def __init__(self, url: str, model: str) -> None:
        """Connects to nothing yet.

        Raises:
            InvalidRequest: The URL is none of HTTP.
        """
        self._url, self._model = url.rstrip("/"), model
        try:
            parsed = httpx2.URL(self._url)
        except httpx2.InvalidURL as exc:
            raise _bad_url(url) from exc
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise _bad_url(url)
        self._http = httpx2.AsyncClient(
            base_url=self._url,
            trust_env=False,
            timeout=httpx2.Timeout(_SILENCE_S, connect=_CONNECT_S),
            limits=httpx2.Limits(max_connections=None),
        )

    async def describe(self) -> OllamaModel:
        """Asks for the model.

        Raises:
            Unavailable: The server or the model is not there.
        """
        known = (await self._get("/api/tags")).get("models", [])
        wanted = self._model if ":" in self._model else f"{self._model}:latest"
        entry = next((entry for entry in known if wanted in (entry.get("name"), entry.get("model"))), None)
        if entry is None:
            raise self._missing()
        details = await self._post("/api/show", {"model": self._model})
        sizes = [
            size for key, size in details.get("model_info", {}).items() if key.endswith(".context_length")
        ]
        return OllamaModel(str(entry.get("digest", "")), int(sizes[0]) if sizes else 0)

    async def load(self, options: Mapping[str, Any]) -> None:
        """Lets the server load the model with these options."""
        await self._post(
            "/api/chat", {"model": self._model, "messages": [], "stream": False, "options": options}
        )

    async def chat(
        self, messages: Sequence[Message], schema: Mapping[str, Any], options: Mapping[str, Any]
    ) -> ChatAnswer:
        """Lets the model answer. Cancelling the task closes the connection, and the server stops.

        Args:
            messages: The conversation.
            schema: JSON Schema of the answer.
            options: Ollama's options, for example `num_ctx`.

        Raises:
            Unavailable: The server or the model is not there, or the connection broke.
            Overloaded: The server's queue is full.
            InvalidRequest: The conversation is longer than the context.
            FailedPrecondition: The server refused the request.
        """
        body = {
            "model": self._model,
            "messages": list(messages),
            "format": schema,
            "stream": True,
            "think": False,
            # An error, instead of an answer to a conversation whose beginning was dropped without a word.
            "truncate": False,
            "shift": False,
            "options": options,
        }
        parts: list[str] = []
        first = 0.0
        async with self._sent("POST", "/api/chat", body) as response:
            async for line in response.aiter_lines():
                if not line.strip():
                    continue
                event = _parsed(line)
                if "error" in event:
                    raise self._refused(500, str(event["error"]))
                text = event.get("message", {}).get("content", "")
                first = first or (time.monotonic() if text else 0.0)
                parts.append(text)
                if event.get("done"):
                    return ChatAnswer(
                        text="".join(parts),
                        finished=event.get("done_reason", "stop") != "length",
                        first_token=first or time.monotonic(),
                        prompt_tokens=int(event.get("prompt_eval_count", 0)),
                        output_tokens=int(event.get("eval_count", 0)),
                    )
        raise Unavailable("OLLAMA_CONNECTION_LOST", f"Ollama at {self._url} ended an answer before its end")

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def _get(self, path: str) -> Mapping[str, Any]:
        async with self._sent("GET", path, None) as response:
            return _parsed((await response.aread()).decode("utf-8", "replace"))

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        async with self._sent("POST", path, body) as response:
            return _parsed((await response.aread()).decode("utf-8", "replace"))

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> AsyncIterator[httpx2.Response]:
        try:
            async with self._http.stream(method, path, json=body) as response:
                if response.status_code >= 400:
                    text = (await response.aread()).decode("utf-8", "replace")
                    raise self._refused(response.status_code, _error_in(text))
                yield response
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
            raise Unavailable(
                "OLLAMA_UNREACHABLE",
                f"there is no Ollama at {self._url}: start it with `ollama serve`, or set "
                "NARROWGAUGE_OLLAMA_URL to where it is",
            ) from exc
        except httpx2.ReadTimeout as exc:
            raise Unavailable(
                "OLLAMA_SILENT", f"Ollama at {self._url} said nothing for {_SILENCE_S:g} seconds; see its log"
            ) from exc
        except httpx2.TransportError as exc:
            raise Unavailable(
                "OLLAMA_CONNECTION_LOST", f"the connection to Ollama at {self._url} broke: {exc!r}"
            ) from exc

    def _missing(self) -> Unavailable:
        return Unavailable(
            "OLLAMA_MODEL_MISSING",
            f"Ollama at {self._url} has no model {self._model!r}: run `ollama pull {self._model}`, or name "
            "another one in NARROWGAUGE_OLLAMA_MODEL",
        )

    def _refused(self, status: int, words: str) -> NarrowgaugeError:
        said = f"Ollama at {self._url} answered {status}: {words}"
        if status == 404 and "model" in words:
            return self._missing()
        if status == 503:
            return Overloaded("OLLAMA_BUSY", said, retry_after_ms=_BUSY_RETRY_MS)
        if "context length" in words or "context size" in words:
            return InvalidRequest("PROMPT_TOO_LONG", f"{said}; raise NARROWGAUGE_SLOT_TOKENS")
        if status < 500:
            return FailedPrecondition("OLLAMA_REFUSED", said)
        return Unavailable("OLLAMA_FAILED", said)


def _bad_url(url: str) -> InvalidRequest:
    return InvalidRequest(
        "BAD_CONFIG", f"NARROWGAUGE_OLLAMA_URL: {url!r} is not a URL such as http://host:11434"
    )


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise Unavailable("OLLAMA_FAILED", "what answered is not Ollama: it sent no JSON") from exc
    if not isinstance(value, dict):
        raise Unavailable("OLLAMA_FAILED", "what answered is not Ollama: it sent no JSON object")
    return value


def _error_in(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text[:200]
