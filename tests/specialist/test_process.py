"""The specialist as a process: start, health, reflection, drain, and what it says when it cannot start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from served import ROWS, document

from narrowgauge.contracts.bundle import Bundle
from narrowgauge.v1 import specialist_pb2 as pb
from narrowgauge.v1 import specialist_pb2_grpc


def start(bundle: Path, model: Path, **variables: str) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        "NARROWGAUGE_LISTEN": "127.0.0.1:0",
        "NARROWGAUGE_BUNDLE": str(bundle),
        "NARROWGAUGE_SPECIALIST": "summary",
        "NARROWGAUGE_MODEL": str(model),
        "NARROWGAUGE_THREADS": "1",
        **variables,
    }
    command = [sys.executable, "-m", "specialist_svc"]
    return subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=bundle
    )


def failure(process: subprocess.Popen[str]) -> str:
    """Waits for a process that cannot start, and returns its last word."""
    out, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    return error.strip().splitlines()[-1]


async def test_a_process_serves_and_drains(bundle: Bundle, tiny_prepared_model: Path) -> None:
    """It says where it serves, answers health, reflection and calls, finishes a call that is under way when
    SIGTERM comes, and ends with 0.
    """
    with start(bundle.path, tiny_prepared_model) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert (line["event"], line["service"]) == ("serving", "specialist-summary")
        async with grpc.aio.insecure_channel(line["address"]) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest(service="narrowgauge.v1.SpecialistService")
            assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.SERVING
            listing = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
            await listing.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            listed = (await listing.read()).list_services_response.service
            assert "narrowgauge.v1.SpecialistService" in {service.name for service in listed}
            listing.cancel()
            call = specialist_pb2_grpc.SpecialistServiceStub(channel).Execute()
            first = pb.ExecuteStart(bundle_hash=bundle.hash, text="summarize", context=[document(ROWS)])
            await call.write(pb.ExecuteRequest(start=first))
            # Only after an answer is it certain that the server has the stream, which the drain must keep.
            assert isinstance(await call.read(), pb.ExecuteResponse)
            await call.write(pb.ExecuteRequest(start=first))
            process.send_signal(signal.SIGTERM)
            answer = await call.read()
            assert isinstance(answer, pb.ExecuteResponse)
            assert answer.tool_call.method.endswith(".Summarize")
            await call.done_writing()
        assert process.wait(timeout=30) == 0


def test_a_truncated_model_is_named(bundle: Bundle, tiny_prepared_model: Path, tmp_path: Path) -> None:
    """A model file that was cut short ends the process with one line that names the file and the remedy."""
    damaged = tmp_path / "model"
    shutil.copytree(tiny_prepared_model, damaged)
    weights = damaged / "model.onnx.data"
    with weights.open("r+b") as file:
        file.truncate(weights.stat().st_size // 2)
    said = failure(start(bundle.path, damaged))
    assert said.startswith("MODEL_DAMAGED")
    assert "model.onnx.data" in said
    assert "narrowgauge prepare" in said


@pytest.mark.parametrize(
    ("variables", "reason", "words"),
    [
        ({"NARROWGAUGE_SPECIALIST": "cook"}, "NO_SUCH_SPECIALIST", "summary"),
        ({"NARROWGAUGE_BACKEND": "abacus"}, "BAD_CONFIG", "onnxruntime"),
        ({"NARROWGAUGE_SURFACE": "sql"}, "SURFACE_NOT_FOR_CONTRACT", "protojson"),
        ({"NARROWGAUGE_SURFACE": "braille"}, "NO_SUCH_SURFACE", "braille"),
        ({"NARROWGAUGE_MODEL": "/nowhere"}, "MODEL_NOT_PREPARED", "narrowgauge prepare"),
        ({"NARROWGAUGE_BUNDLE": "/nowhere"}, "NO_BUNDLE", "/nowhere"),
        ({"NARROWGAUGE_SLOT_TOKENS": "1000000"}, "SLOT_TOO_LONG", "NARROWGAUGE_SLOT_TOKENS"),
    ],
)
def test_a_mismatch_is_an_error_at_start(
    bundle: Bundle, tiny_prepared_model: Path, variables: dict[str, str], reason: str, words: str
) -> None:
    """Nothing is replaced silently: each wrong setting ends the process and says what to do."""
    said = failure(start(bundle.path, tiny_prepared_model, **variables))
    assert said.startswith(f"{reason}:"), said
    assert words in said


def test_the_engine_is_measured_as_a_process(tiny_prepared_model: Path) -> None:
    """`specialist_svc.engine.bench` answers each request for a measurement with one line, and a request that
    fails with its error; forced runs and caches change no text.
    """
    command = [sys.executable, "-m", "specialist_svc.engine.bench", "--model", str(tiny_prepared_model)]
    grammar = r'start: "{\"n\":" /[0-9]{1,3}/ ",\"left\":" ("true" | "false") "}"'
    call = {
        "prompt": ["Count.\n", "How many?\n"],
        "constraints": {"protojson": grammar},
        "surface": "protojson",
        "max_tokens": 60,
        "reuse_prefix": True,
        "forced_runs": True,
    }
    asked: list[dict[str, object]] = [
        {"op": "prefill", "tokens": [5, 6, 7]},
        {"op": "decode", "batch": 4, "past": 8, "steps": 2},
        {"op": "call", "call": call},
        {"op": "call", "call": {**call, "reuse_prefix": False, "forced_runs": False}},
        {"op": "load", "calls": [call] * 6, "concurrency": 3},
        {"op": "call", "call": {**call, "max_tokens": 5000}},
    ]
    lines = "\n".join(json.dumps(one) for one in asked)
    run = subprocess.run(
        [*command, "--threads", "1", "--slots", "2"], input=lines, capture_output=True, text=True, check=True
    )
    ready, prefill, decode, cached, cold, load, refused = map(json.loads, run.stdout.splitlines())
    assert ready["facts"]["precision"] == "int4"
    assert prefill["seconds"] > 0
    assert decode["seconds"] > 0
    assert json.loads(cached["text"]).keys() == {"n", "left"}
    assert cached["text"] == cold["text"]
    assert 0 < cached["forced"] < cached["tokens"]
    assert load["texts"] == [cached["text"]] * 6
    assert len(load["latency_ms"]) == 6
    assert refused["error"]["reason"] == "PROMPT_TOO_LONG"
