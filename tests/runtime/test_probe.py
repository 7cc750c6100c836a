"""The health probe that containers run on themselves, in plain text and under mutual TLS."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from echo_service import Echo

from narrowgauge.errors import InvalidRequest
from narrowgauge.runtime.lifecycle import ServiceServer
from narrowgauge.runtime.probe import check
from narrowgauge.runtime.tls import Tls

_CERTIFICATE = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
  -keyout ca.key -out ca.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=router -keyout tls.key -out tls.csr
printf 'subjectAltName=DNS:router,IP:127.0.0.1' > san
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out tls.crt
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a certificate for 127.0.0.1 in the file names that cert-manager writes."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["bash", "-ec", _CERTIFICATE], cwd=folder, check=True, capture_output=True)
    names = {"CERT": "tls.crt", "KEY": "tls.key", "CA": "ca.crt"}
    return {f"NARROWGAUGE_TLS_{variable}": str(folder / name) for variable, name in names.items()}


async def test_the_probe_says_what_health_says(echo: Echo) -> None:
    """NOT_SERVING before a service is warm, SERVING after, UNAVAILABLE when it is gone."""
    server = ServiceServer("127.0.0.1:0", echo.register)
    await server.start()
    environ = {"NARROWGAUGE_LISTEN": server.address}
    assert await asyncio.to_thread(check, environ) == "NOT_SERVING"
    await server.set_ready()
    everywhere = {"NARROWGAUGE_LISTEN": "0.0.0.0:" + server.address.partition(":")[2]}
    assert await asyncio.to_thread(check, everywhere) == "SERVING"
    await server.stop(drain_s=0)
    assert await asyncio.to_thread(check, environ) == "UNAVAILABLE"


async def test_the_probe_works_under_mutual_tls(echo: Echo, certificates: dict[str, str]) -> None:
    """With the service's own certificate it is let in; in plain text nobody is."""
    server = ServiceServer("127.0.0.1:0", echo.register, tls=Tls.from_environ(certificates))
    await server.start()
    await server.set_ready()
    environ = {"NARROWGAUGE_LISTEN": server.address}
    assert await asyncio.to_thread(check, environ | certificates) == "SERVING"
    assert await asyncio.to_thread(check, environ) == "UNAVAILABLE"
    without_identity = {"NARROWGAUGE_TLS_CA": certificates["NARROWGAUGE_TLS_CA"]}
    assert await asyncio.to_thread(check, environ | without_identity) == "UNAVAILABLE"
    await server.stop(drain_s=0)


def test_a_wrong_configuration_is_said(tmp_path: Path) -> None:
    """The command ends with 2 and names the variable; kubelet shows the line in the pod's events."""
    with pytest.raises(InvalidRequest, match="NARROWGAUGE_LISTEN"):
        check({})
    command = [sys.executable, "-m", "narrowgauge.runtime.probe"]
    wrong = {"NARROWGAUGE_LISTEN": "127.0.0.1:1", "NARROWGAUGE_TLS_CA": str(tmp_path / "missing.crt")}
    done = subprocess.run(command, env=wrong, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("TLS_FILE: ")
    done = subprocess.run(
        command, env={"NARROWGAUGE_LISTEN": "127.0.0.1:1"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "UNAVAILABLE\n")
