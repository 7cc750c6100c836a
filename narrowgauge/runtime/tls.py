"""TLS between processes, from PEM files: with a CA, both sides must present a certificate (mutual TLS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from narrowgauge.errors import FailedPrecondition, InvalidRequest
from narrowgauge.runtime.config import env, read_config

__all__ = ["Tls"]


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files.

    Attributes:
        certificate: This process's certificate chain.
        key: Its private key.
        ca: Certificates of the authority that signs the peers.
    """

    certificate: Path | None = env("NARROWGAUGE_TLS_CERT", "PEM certificate chain", default=None)
    key: Path | None = env("NARROWGAUGE_TLS_KEY", "PEM private key", default=None)
    ca: Path | None = env("NARROWGAUGE_TLS_CA", "PEM certificates of the peers' authority", default=None)

    @staticmethod
    def from_environ(environ: Mapping[str, str]) -> Tls | None:
        """Reads the three variables; None when none is set.

        Raises:
            InvalidRequest: `BAD_CONFIG`: a certificate without its key, or a key without its certificate.
        """
        tls = read_config(Tls, environ)
        if (tls.certificate is None) != (tls.key is None):
            raise InvalidRequest("BAD_CONFIG", "NARROWGAUGE_TLS_CERT and NARROWGAUGE_TLS_KEY go together")
        return None if tls == Tls() else tls

    def server_credentials(self) -> grpc.ServerCredentials:
        """Returns credentials for a server, which asks for client certificates when a CA is named.

        Raises:
            FailedPrecondition: `TLS_FILE`: a file cannot be read, or a server has no certificate.
        """
        if self.certificate is None or self.key is None:
            raise FailedPrecondition(
                "TLS_FILE", "a TLS server needs NARROWGAUGE_TLS_CERT and NARROWGAUGE_TLS_KEY"
            )
        return grpc.ssl_server_credentials(
            [(_read(self.key), _read(self.certificate))],
            root_certificates=_read(self.ca) if self.ca else None,
            require_client_auth=self.ca is not None,
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Returns credentials for a channel.

        Raises:
            FailedPrecondition: `TLS_FILE`: a file cannot be read.
        """
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca) if self.ca else None,
            private_key=_read(self.key) if self.key else None,
            certificate_chain=_read(self.certificate) if self.certificate else None,
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise FailedPrecondition(
            "TLS_FILE", f"cannot read the TLS file {path}: {exc.strerror}; check the path and its permissions"
        ) from exc
