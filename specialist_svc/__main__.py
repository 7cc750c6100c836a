"""Starts a specialist: `python -m specialist_svc`, configured by its environment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from narrowgauge.runtime.lifecycle import serve, service_main
from narrowgauge.v1 import specialist_pb2, specialist_pb2_grpc
from specialist_svc.loading import load_specialists
from specialist_svc.servicer import SpecialistServicer
from specialist_svc.settings import Settings


async def main(settings: Settings) -> None:
    """Serves until a signal comes."""
    servicer = SpecialistServicer()

    def register(server: grpc.aio.Server) -> list[str]:
        specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(servicer, server)
        return [specialist_pb2.DESCRIPTOR.services_by_name["SpecialistService"].full_name]

    async def warm() -> None:
        servicer.open(await asyncio.to_thread(load_specialists, settings))

    await serve(
        service_name=_service_name(settings.specialists),
        listen=settings.listen,
        register=register,
        warm=warm,
        close=servicer.close,
        drain_s=settings.drain_s,
    )


def _service_name(specialists: Sequence[str]) -> str:
    others = f"-and-{len(specialists) - 1}-more" if len(specialists) > 1 else ""
    return f"specialist-{specialists[0]}{others}"


if __name__ == "__main__":
    service_main(main, Settings)
