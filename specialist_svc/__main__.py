"""Starts a specialist: `python -m specialist_svc`, configured by its environment."""

from __future__ import annotations

import asyncio

import grpc

from narrowgauge.runtime.lifecycle import serve, service_main
from narrowgauge.v1 import specialist_pb2, specialist_pb2_grpc
from specialist_svc.loading import load_specialist
from specialist_svc.servicer import SpecialistServicer
from specialist_svc.settings import Settings


async def main(settings: Settings) -> None:
    """Serves until a signal comes."""
    servicer = SpecialistServicer()

    def register(server: grpc.aio.Server) -> list[str]:
        specialist_pb2_grpc.add_SpecialistServiceServicer_to_server(servicer, server)
        return [specialist_pb2.DESCRIPTOR.services_by_name["SpecialistService"].full_name]

    async def warm() -> None:
        servicer.open(await asyncio.to_thread(load_specialist, settings))

    await serve(
        service_name=f"specialist-{settings.specialist}",
        listen=settings.listen,
        register=register,
        warm=warm,
        close=servicer.close,
        drain_s=settings.drain_s,
    )


if __name__ == "__main__":
    service_main(main, Settings)
