"""A server that speaks Ollama's API, over real HTTP, with a real constrained model behind it.

It answers `/api/version`, `/api/tags`, `/api/show` and `/api/chat` as Ollama does: a chat is streamed as
lines of JSON, `format` constrains what is written, `num_predict` cuts it off, a conversation that is longer
than `num_ctx` is refused when `truncate` is false, and a connection that the client closes ends the answer.
What it writes comes from a prepared model, or from `says`, the texts that a test lays before it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from narrowgauge.models import load_prepared
from specialist_svc.engine.backend import Decoded, DecodeRequest
from specialist_svc.engine.onnxruntime import EngineOptions, OnnxruntimeBackend

MODEL = "tiny:latest"
CONTEXT_TOKENS = 4096
STALL, CUT, BREAK, BUSY = "<stall>", "<cut>", "<break>", "<busy>"
"""Instead of a text: a little and then nothing; no last line; an error in the middle; a refusal."""


@dataclass
class OllamaServer:
    """What a test sees of the server.

    Attributes:
        url: Where it is.
        says: Next answers; the model writes when there are none.
        chats: Bodies of the chat requests, without those that only load the model.
        stalled: Set when an answer has come to its stall.
        left: Set when a client closed its connection before the end.
        models: Names of the models that are there.
    """

    url: str
    engine: OnnxruntimeBackend
    says: list[str] = field(default_factory=list)
    chats: list[dict[str, Any]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    models: list[str] = field(default_factory=lambda: [MODEL])

    async def version(self, request: Request) -> Response:
        return JSONResponse({"version": "0.13.0"})

    async def tags(self, request: Request) -> Response:
        entries = [{"name": name, "model": name, "digest": "5" * 64, "size": 1} for name in self.models]
        return JSONResponse({"models": entries})

    async def show(self, request: Request) -> Response:
        name = (await request.json())["model"]
        if not self._known(name):
            return JSONResponse({"error": f"model '{name}' not found"}, 404)
        info = {"general.architecture": "llama", "llama.context_length": CONTEXT_TOKENS}
        return JSONResponse({"model_info": info, "capabilities": ["completion"]})

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        if not self._known(body["model"]):
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        if not body["messages"]:
            return JSONResponse(self._line(body, "", done=True, done_reason="load"))
        self.chats.append(body)
        said = self.says.pop(0) if self.says else ""
        if said == BUSY:
            return JSONResponse(
                {"error": "server busy, please try again.  maximum pending requests exceeded"}, 503
            )
        prompt = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in body["messages"])
        tokens = self.engine.count_tokens([prompt])
        if tokens >= body["options"]["num_ctx"] and body.get("truncate") is False:
            return JSONResponse({"error": "the input length exceeds the context length"}, 400)
        if not said:
            said = await self._written(prompt + "<|im_start|>assistant\n", body)
        return StreamingResponse(self._streamed(body, said, tokens), media_type="application/x-ndjson")

    async def _written(self, prompt: str, body: dict[str, Any]) -> str:
        schema = body["format"] | {"x-guidance": {"whitespace_flexible": False, "item_separator": ", "}}
        request = DecodeRequest((prompt,), f"start: %json {json.dumps(schema)}", max_tokens=300)
        future: Future[Decoded] = self.engine.submit(request).future
        return (await asyncio.wrap_future(future)).written.text

    async def _streamed(self, body: dict[str, Any], said: str, tokens: int) -> AsyncIterator[str]:
        pieces = [said[at : at + 4] for at in range(0, len(said), 4)]
        most = body["options"].get("num_predict", -1)
        ended = False
        try:
            for piece in pieces[:most] if most > 0 and said not in (STALL, CUT, BREAK) else pieces:
                yield self._text(body, '{"' if said in (STALL, CUT, BREAK) else piece)
                if said == STALL:
                    self.stalled.set()
                    await asyncio.Event().wait()
                if said == BREAK:
                    yield json.dumps({"error": "an error was encountered while running the model"}) + "\n"
                if said in (CUT, BREAK):
                    ended = True
                    return
            reason = "length" if 0 < most < len(pieces) else "stop"
            line = self._line(body, "", done=True, done_reason=reason)
            ended = True
            yield json.dumps({**line, "prompt_eval_count": tokens, "eval_count": len(pieces)}) + "\n"
        finally:
            if not ended:
                self.left.set()

    def _text(self, body: dict[str, Any], text: str) -> str:
        return json.dumps(self._line(body, text, done=False)) + "\n"

    def _line(self, body: dict[str, Any], text: str, **fields: object) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        return {"model": body["model"], "created_at": "2026-03-02T10:00:00Z", "message": message, **fields}

    def _known(self, name: str) -> bool:
        return (name if ":" in name else f"{name}:latest") in self.models


@contextmanager
def ollama_server(model: Path) -> Iterator[OllamaServer]:
    """Runs a server on loopback, with a prepared model behind it."""
    listener = socket.create_server(("127.0.0.1", 0))
    engine = OnnxruntimeBackend(load_prepared(model), EngineOptions(slots=4, slot_tokens=1024))
    state = OllamaServer(f"http://127.0.0.1:{listener.getsockname()[1]}", engine)
    app = Starlette(
        routes=[
            Route("/api/version", state.version),
            Route("/api/tags", state.tags),
            Route("/api/show", state.show, methods=["POST"]),
            Route("/api/chat", state.chat, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()
        engine.close()
