"""Drives `Dispatch` streams on a running system and reports latency percentiles a step and a loop.

    locust -f loadtest/locustfile.py --headless -u 4 -t 60s --address 127.0.0.1:50051
    locust -f loadtest/locustfile.py --headless -u 2 --chains 100 --csv report --address 127.0.0.1:50051

Rows of the report: `plan` (request to plan), `step:<specialist>` (one step run, approval waits excluded) and
`loop` (request to end of chain). A chain that does not end well counts as a failure of its row, with the
status as the reason. The load is closed: each user sends its next request when its last chain has ended.
"""

from __future__ import annotations

import itertools
import queue
import random
import time
from pathlib import Path
from typing import Any

import gevent
import grpc
import grpc.experimental.gevent
from google.rpc import code_pb2
from locust import User, constant, events, task
from locust.exception import StopUser

from narrowgauge.v1 import dispatcher_pb2 as pb
from narrowgauge.v1 import dispatcher_pb2_grpc, options_pb2

# Locust runs users as greenlets: without this a blocking gRPC call would stop all of them.
grpc.experimental.gevent.init_gevent()

# Chains of all users of this process.
_started = itertools.count()
_ended = itertools.count()

_APPROVED = (options_pb2.SIDE_EFFECT_WRITE, options_pb2.SIDE_EFFECT_DESTRUCTIVE)


@events.init_command_line_parser.add_listener
def _add_arguments(parser: Any) -> None:
    parser.add_argument(
        "--address",
        default="127.0.0.1:50051",
        env_var="NARROWGAUGE_ADDRESS",
        help="where the router listens",
    )
    parser.add_argument(
        "--requests-file",
        default=str(Path(__file__).with_name("requests.txt")),
        help="one request a line; users draw from them at random",
    )
    parser.add_argument("--chain-deadline", type=float, default=60.0, help="seconds that a chain may take")
    parser.add_argument(
        "--chains", type=int, default=0, help="end after so many chains; 0 for --run-time alone"
    )
    parser.add_argument("--in-order", action="store_true", help="take the requests in turn, not at random")


class ChainUser(User):  # type: ignore[misc]
    """Sends requests one after the other and approves every write."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Opens the user's own connection, as separate clients would have."""
        options = self.environment.parsed_options
        lines = Path(options.requests_file).read_text(encoding="utf-8").splitlines()
        self._requests = [line for line in lines if line.strip() and not line.startswith("#")]
        self._deadline_s = options.chain_deadline
        # A subchannel pool of its own, or all users would share one connection.
        settings = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        self._channel = grpc.insecure_channel(options.address, settings)
        self._stub = dispatcher_pb2_grpc.DispatcherServiceStub(self._channel)

    def on_stop(self) -> None:
        """Closes the connection."""
        self._channel.close()

    @task
    def chain(self) -> None:
        """Runs one chain to its end."""
        number = next(_started)
        options = self.environment.parsed_options
        if options.chains and number >= options.chains:
            raise StopUser
        text = (
            self._requests[number % len(self._requests)]
            if options.in_order
            else random.choice(self._requests)
        )
        start = pb.ChainStart(text=text, policy=pb.ChainPolicy(auto_approve=_APPROVED))
        outbox: queue.SimpleQueue[pb.DispatchRequest | None] = queue.SimpleQueue()
        outbox.put(pb.DispatchRequest(start=start))
        began = time.perf_counter()
        specialists: dict[str, str] = {}
        ended = False
        try:
            for response in self._stub.Dispatch(iter(outbox.get, None), timeout=self._deadline_s):
                elapsed_ms = (time.perf_counter() - began) * 1e3
                ended = self._record(response, elapsed_ms, specialists) or ended
                if ended:
                    outbox.put(None)
            if not ended:
                self._fire("loop", began, RuntimeError("the stream ended before the chain"))
        except grpc.RpcError as error:
            self._fire("loop", began, RuntimeError(error.code().name))
        finally:
            outbox.put(None)
            if options.chains and next(_ended) + 1 == options.chains:
                gevent.spawn(self.environment.runner.quit)  # it waits for this user to end, so not from here

    def _record(self, response: pb.DispatchResponse, elapsed_ms: float, specialists: dict[str, str]) -> bool:
        """Reports what an event says; returns whether it ended the chain."""
        step = response.step_id
        match response.WhichOneof("event"):
            case "plan_made":
                self._report("plan", elapsed_ms)
            case "step_started":
                specialists[step] = response.step_started.specialist
            case "step_finished":
                name = specialists.get(step) or specialists.get(step.partition(".")[0], "unknown")
                self._report(f"step:{name}", response.step_finished.step_ms)
            case "step_failed":
                name = specialists.get(step) or specialists.get(step.partition(".")[0], "unknown")
                self._report(f"step:{name}", 0.0, RuntimeError(_name(response.step_failed.status.code)))
            case "chain_finished":
                status = response.chain_finished.status
                error = RuntimeError(_name(status.code)) if status.code else None
                self._report("loop", elapsed_ms, error)
                return True
        return False

    def _fire(self, name: str, began: float, error: Exception) -> None:
        self._report(name, (time.perf_counter() - began) * 1e3, error)

    def _report(self, name: str, elapsed_ms: float, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type="chain" if name == "loop" else "hop",
            name=name,
            response_time=elapsed_ms,
            response_length=0,
            exception=error,
            context={},
        )


def _name(code: int) -> str:
    return str(code_pb2.Code.Name(code))
