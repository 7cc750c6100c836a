"""Channels: retries only where they are safe, readiness, TLS, no proxy."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from echo_service import SERVICE, Echo, EchoStub, text
from google.protobuf.wrappers_pb2 import StringValue

from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unavailable
from narrowgauge.runtime.channels import open_channel, wait_ready
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.runtime.tls import Tls


class FlakyEcho(Echo):
    """Is UNAVAILABLE at the first call."""

    async def one(self, request: StringValue, context: grpc.aio.ServicerContext) -> StringValue:
        if not self.calls:
            self.calls += 1
            raise Unavailable("RESTARTING", "try again")
        return await super().one(request, context)


@pytest.fixture
def echo() -> Echo:
    return FlakyEcho()


async def test_a_method_declared_safe_is_retried(echo_address: str, echo: Echo) -> None:
    """A method that only reads is repeated when its server was UNAVAILABLE."""
    async with open_channel(echo_address, retried_methods=(f"{SERVICE}/One",)) as channel:
        assert (await EchoStub(channel).one(text("x"))).value == "x"
    assert echo.calls == 2


async def test_another_method_is_never_retried(echo_address: str, echo: Echo) -> None:
    """gRPC does not repeat a call that may have written something."""
    async with open_channel(echo_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await EchoStub(channel).one(text("x"))
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert echo.calls == 1


async def test_waiting_for_nobody_ends(unused_tcp_address: str) -> None:
    """A server that is not there is an error after the time given."""
    async with open_channel(unused_tcp_address) as channel:
        with pytest.raises(Unavailable) as caught:
            await wait_ready(channel, 0.2)
    assert caught.value.reason == "NOT_READY"


async def test_a_server_without_health_is_ready_when_connected() -> None:
    """Somebody else's tool need not have a health service."""
    server = grpc.aio.server()
    Echo().register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        await wait_ready(channel, 20)
    await server.stop(None)


async def test_a_proxy_of_the_shell_is_not_used(
    echo_address: str, monkeypatch: pytest.MonkeyPatch, unused_tcp_address: str
) -> None:
    """Traffic between processes stays on the machine whatever http_proxy says."""
    monkeypatch.setenv("http_proxy", f"http://{unused_tcp_address}")
    monkeypatch.setenv("grpc_proxy", f"http://{unused_tcp_address}")
    async with open_channel(echo_address, retried_methods=(f"{SERVICE}/One",)) as channel:
        assert (await EchoStub(channel).one(text("x"))).value == "x"


async def test_mutual_tls_admits_only_known_clients(tmp_path: Path) -> None:
    """With a CA both sides present certificates; a client without one is turned away."""
    ca_key, ca = _authority()
    server_tls = _issue(tmp_path, "server", ca_key, ca)
    client_tls = _issue(tmp_path, "client", ca_key, ca)
    server = ServiceServer("127.0.0.1:0", Echo().register, tls=server_tls)
    await server.start()
    await server.set_ready()
    try:
        async with open_channel(server.address, tls=client_tls) as channel:
            assert (await EchoStub(channel).one(text("x"))).value == "x"
        async with open_channel(server.address, tls=Tls(ca=client_tls.ca)) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await EchoStub(channel).one(text("x"))
    finally:
        await server.stop(drain_s=0)


def test_tls_errors_are_clear(tmp_path: Path) -> None:
    """A certificate without its key, and a file that is not there, are said before anything starts."""
    with pytest.raises(InvalidRequest, match="go together"):
        Tls.from_environ({"NARROWGAUGE_TLS_CERT": "/a"})
    with pytest.raises(FailedPrecondition, match="cannot read the TLS file"):
        Tls(tmp_path / "no.crt", tmp_path / "no.key").server_credentials()
    with pytest.raises(FailedPrecondition, match="needs NARROWGAUGE_TLS_CERT"):
        Tls(ca=tmp_path / "ca").server_credentials()
    assert Tls.from_environ({}) is None


Key = ec.EllipticCurvePrivateKey


def _authority() -> tuple[Key, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate("ca", key, "ca", key, authority=True)


def _issue(folder: Path, name: str, ca_key: Key, ca: x509.Certificate) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(name, key, "ca", ca_key, authority=False)
    tls = Tls(folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt")
    assert tls.certificate and tls.key and tls.ca
    tls.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    tls.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return tls


def _certificate(name: str, key: Key, issuer: str, issuer_key: Key, *, authority: bool) -> x509.Certificate:
    def called(common_name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )
