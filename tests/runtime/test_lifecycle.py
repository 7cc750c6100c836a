"""A service process: start, warm, serve, drain, close."""

from __future__ import annotations

import asyncio
import signal
import socket

import grpc
import pytest
from echo_service import SERVICE, Echo, EchoStub, EventOf, Spawn, text
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.runtime.channels import open_channel, wait_ready
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.runtime.status import error_from_rpc

STATUS = health_pb2.HealthCheckResponse.ServingStatus


async def finish(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Waits for the end of a process and returns its stdout and stderr."""
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return out.decode(), err.decode()


async def test_sigterm_lets_a_stream_in_flight_end(spawn: Spawn, event_of: EventOf) -> None:
    """After SIGTERM new work is refused, what runs is answered to its end, and the process exits with 0."""
    process = await spawn()
    serving = await event_of(process)
    async with open_channel(serving["address"]) as channel:
        call = EchoStub(channel).both()
        await call.write(text("before"))
        await call.read()
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == STATUS.SERVING
        process.send_signal(signal.SIGTERM)
        assert (await watch.read()).status == STATUS.NOT_SERVING
        await call.write(text("after"))
        assert (await call.read()).value == "after"
        async with open_channel(serving["address"]) as late:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await EchoStub(late).one(text("late"))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK
    out, err = await finish(process)
    assert process.returncode == 0, err
    assert out == '{"event":"closed"}\n'


async def test_a_drain_is_bounded(spawn: Spawn, event_of: EventOf) -> None:
    """A stream that does not end within the drain is cancelled, and the process still closes and exits 0."""
    process = await spawn(ECHO_DRAIN_S="0.2")
    async with open_channel((await event_of(process))["address"]) as channel:
        call = EchoStub(channel).down(text("forever"))
        await call.read()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()
    out, err = await finish(process)
    assert process.returncode == 0
    assert out == '{"event":"closed"}\n'
    assert "drain ended with work in flight" in err


async def test_a_watcher_of_health_does_not_delay_the_drain() -> None:
    """Streams of health and reflection never end by themselves, so a drain does not wait for them."""
    server = ServiceServer("127.0.0.1:0", Echo().register)
    await server.start()
    await server.set_ready()
    async with open_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        async with asyncio.timeout(20):
            await server.stop(drain_s=600)


async def test_health_turns_to_serving_when_warm() -> None:
    """Before it is warm a service answers probes with NOT_SERVING and refuses work; afterwards it serves."""
    server = ServiceServer("127.0.0.1:0", Echo().register)
    await server.start()
    try:
        async with open_channel(server.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            for service in ("", SERVICE):
                check = await health.Check(health_pb2.HealthCheckRequest(service=service))
                assert check.status == STATUS.NOT_SERVING
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await EchoStub(channel).one(text("early"))
            assert error_from_rpc(refused.value).reason == "NOT_READY"
            waiting = asyncio.create_task(wait_ready(channel, 20, service=SERVICE))
            await server.set_ready()
            await waiting
            assert (await EchoStub(channel).one(text("now"))).value == "now"
    finally:
        await server.stop(drain_s=0)


async def test_reflection_lists_the_services() -> None:
    """Any gRPC tool can ask a service what it serves."""
    server = ServiceServer("127.0.0.1:0", Echo().register)
    await server.start()
    try:
        async with open_channel(server.address) as channel:
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
            await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
            listed = {service.name for service in (await call.read()).list_services_response.service}
            call.cancel()
        assert {SERVICE, "grpc.health.v1.Health"} <= listed
    finally:
        await server.stop(drain_s=0)


async def test_a_port_in_use_is_a_clear_error(spawn: Spawn) -> None:
    """The second process on a port exits with 2 and one line that says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await spawn(NARROWGAUGE_LISTEN=f"127.0.0.1:{port}")
        out, err = await finish(process)
    assert process.returncode == 2
    assert out == '{"event":"closed"}\n'
    assert err.startswith(f"PORT_IN_USE: cannot listen on 127.0.0.1:{port}: another process uses port {port}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:99999", "host.invalid:5"])
async def test_a_wrong_address_is_a_clear_error(listen: str) -> None:
    """An address that is not one is a configuration error."""
    with pytest.raises(InvalidRequest) as caught:
        await ServiceServer(listen, Echo().register).start()
    assert caught.value.reason == "BAD_CONFIG"
    assert listen in caught.value.message


async def test_an_address_of_another_machine_is_a_clear_error() -> None:
    """An address that this machine does not have cannot be listened on."""
    with pytest.raises(FailedPrecondition) as caught:
        await ServiceServer("192.0.2.1:0", Echo().register).start()
    assert caught.value.reason == "CANNOT_LISTEN"


async def test_a_failed_warm_up_ends_the_process(spawn: Spawn) -> None:
    """What a service needs and lacks is said in one line at its start, and nothing is left open."""
    process = await spawn(ECHO_MODE="broken")
    out, err = await finish(process)
    assert process.returncode == 2
    assert err == "NO_MODEL: there is no model; run `narrowgauge prepare`\n"
    assert out == '{"event":"closed"}\n'


async def test_a_signal_while_warming_ends_the_process(spawn: Spawn) -> None:
    """A service that still loads its model stops at once when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = await spawn(ECHO_MODE="endless", NARROWGAUGE_LISTEN=address)
    async with open_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
    process.send_signal(signal.SIGTERM)
    out, _ = await finish(process)
    assert process.returncode == 0
    assert out == '{"event":"closed"}\n'


async def test_print_config_prints_and_exits(spawn: Spawn) -> None:
    """`--print-config` shows what the process would run with, secrets masked."""
    process = await spawn("--print-config", ECHO_PASSWORD="hunter2", NARROWGAUGE_LISTEN="127.0.0.1:7")
    out, err = await finish(process)
    assert process.returncode == 0, err
    assert "NARROWGAUGE_LISTEN=127.0.0.1:7" in out
    assert "ECHO_PASSWORD=********" in out
    assert "hunter2" not in out


async def test_unknown_arguments_are_refused(spawn: Spawn) -> None:
    """A service takes no arguments, so a mistyped one is not ignored."""
    process = await spawn("--port=7")
    _, err = await finish(process)
    assert process.returncode == 2
    assert err.startswith("BAD_ARGUMENT: unknown arguments '--port=7'")


async def test_a_process_dies_with_its_supervisor(spawn: Spawn) -> None:
    """A service whose supervisor is already gone does not start."""
    process = await spawn(NARROWGAUGE_PARENT_PID="1")
    _, err = await finish(process)
    assert process.returncode == 2
    assert err.startswith("PARENT_GONE")
