"""A gRPC server of your own that becomes a tool: python server.py [HOST:PORT].

Nothing in it is Narrowgauge's but the options in its contract. The messages are made at run time from
`inventory.proto`; code that protoc generates, in any language, serves as well.
"""

from __future__ import annotations

import sys
from concurrent import futures
from pathlib import Path
from threading import Lock

import grpc
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.contracts.descriptors import load_protos, pool_of

POOL = pool_of(load_protos([Path(__file__).with_name("inventory.proto")]))
SERVICE = POOL.FindServiceByName("acme.inventory.v1.InventoryToolService")
STOCK = {"AX-100": 120, "BR-220": 40, "CT-310": 500, "DK-415": 9}


class Inventory:
    """The stock and its reservations, in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stock = dict(STOCK)
        self._reservations: dict[str, tuple[str, int]] = {}

    def reserve(self, request, context):
        """Reserves, or refuses in words that help the specialist to repair its call."""
        with self._lock:
            left = self._stock.get(request.article)
            if left is None:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"there is no article {request.article}")
            if left < request.units:
                context.abort(
                    grpc.StatusCode.FAILED_PRECONDITION, f"only {left} of {request.article} are left"
                )
            number = f"R-{1001 + len(self._reservations)}"
            self._stock[request.article] = left - request.units
            self._reservations[number] = (request.article, request.units)
        return response_class("Reserve")(reservation=number)

    def release(self, request, context):
        """Gives the units back."""
        with self._lock:
            held = self._reservations.pop(request.reservation, None)
            if held is None:
                context.abort(grpc.StatusCode.NOT_FOUND, f"there is no reservation {request.reservation}")
            article, units = held
            self._stock[article] += units
        return response_class("Release")(units=units)


def response_class(method):
    """Returns the class of a method's response."""
    return GetMessageClass(SERVICE.methods_by_name[method].output_type)


def handler(method, function):
    """Wraps a function as a unary method."""
    request_class = GetMessageClass(SERVICE.methods_by_name[method].input_type)
    return grpc.unary_unary_rpc_method_handler(
        function,
        request_deserializer=request_class.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def main(address: str) -> None:
    """Serves until Ctrl-C."""
    inventory = Inventory()
    handlers = {
        "Reserve": handler("Reserve", inventory.reserve),
        "Release": handler("Release", inventory.release),
    }
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)])
    port = server.add_insecure_port(address)
    server.start()
    print(f"serving on {address.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:6000")
