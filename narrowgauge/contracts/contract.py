"""A contract: a protobuf service whose methods are tools, as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from narrowgauge.contracts.route_rules import RouteRule, option_rules
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import options_pb2, specialist_pb2

__all__ = ["Contract", "Tool", "ToolCall", "contract_of"]


@dataclass(frozen=True)
class Tool:
    """A method as a tool.

    Attributes:
        method: Full name, for example `narrowgauge.tools.sql.v1.SqlToolService.Query`.
        name: Short name, for example `Query`.
        request: Descriptor of the request message: the tool call.
        response: Descriptor of the response message: the tool result.
        description: What it does.
        examples: Requests that it answers, as a user would word them.
        side_effect: A `narrowgauge.v1.SideEffect` number, never unspecified.
        execution: A `narrowgauge.v1.Execution` number, never unspecified.
    """

    method: str
    name: str
    request: Descriptor
    response: Descriptor
    description: str
    examples: tuple[str, ...]
    side_effect: int
    execution: int

    @cached_property
    def request_class(self) -> type[Message]:
        """Python class of the request message."""
        return GetMessageClass(self.request)

    @cached_property
    def response_class(self) -> type[Message]:
        """Python class of the response message."""
        return GetMessageClass(self.response)


@dataclass(frozen=True)
class Contract:
    """A service whose methods are tools: one specialist's job.

    Attributes:
        service: Full name of the service.
        specialist: Name of the specialist.
        description: What requests it serves.
        tools: In the order of declaration; at least one.
        rules: Its own rules on routes.
    """

    service: str
    specialist: str
    description: str
    tools: tuple[Tool, ...]
    rules: tuple[RouteRule, ...] = ()

    def tool(self, method: str) -> Tool:
        """Returns the tool by full or short name; raises `KeyError`."""
        for tool in self.tools:
            if method in (tool.method, tool.name):
                return tool
        raise KeyError(method)

    @property
    def specialist_description(self) -> specialist_pb2.SpecialistDescription:
        """What router and specialist tell of the specialist."""
        return specialist_pb2.SpecialistDescription(
            name=self.specialist,
            description=self.description,
            contract=self.service,
            tools=[
                specialist_pb2.ToolDescription(
                    method=tool.method,
                    description=tool.description,
                    side_effect=tool.side_effect,  # type: ignore[arg-type]  # a plain int in `Tool`
                    request_type=tool.request.full_name,
                    response_type=tool.response.full_name,
                )
                for tool in self.tools
            ],
        )

    @property
    def refusing_tool(self) -> Tool | None:
        """The first tool whose request can say that there is no call, by its field `unanswerable`."""
        return next((tool for tool in self.tools if "unanswerable" in tool.request.fields_by_name), None)


@dataclass(frozen=True)
class ToolCall:
    """A tool and its request message."""

    tool: Tool
    request: Message


def contract_of(service: ServiceDescriptor) -> Contract:
    """Reads a service's options into a contract.

    Raises:
        InvalidRequest: The service lacks the option `(narrowgauge.v1.specialist)` or has no unary method, or
            one of its rules lacks something.
    """
    options = service.GetOptions()
    if not options.HasExtension(options_pb2.specialist):
        raise InvalidRequest(
            "NOT_A_CONTRACT",
            f"service {service.full_name} has no option (narrowgauge.v1.specialist); add one with a name "
            "and a description",
        )
    specialist = options.Extensions[options_pb2.specialist]
    tools = tuple(_tool_of(method) for method in service.methods)
    if not tools:
        raise InvalidRequest("CONTRACT_WITHOUT_TOOLS", f"service {service.full_name} has no methods")
    rules = option_rules(specialist, service.full_name)
    return Contract(service.full_name, specialist.name, specialist.description, tools, rules)


def _tool_of(method: MethodDescriptor) -> Tool:
    if method.client_streaming or method.server_streaming:
        raise InvalidRequest(
            "STREAMING_TOOL",
            f"method {method.full_name} streams; a tool is a unary method (put it in another service)",
        )
    options = method.GetOptions()
    tool = options.Extensions[options_pb2.tool]
    return Tool(
        method=method.full_name,
        name=method.name,
        request=method.input_type,
        response=method.output_type,
        description=tool.description,
        examples=tuple(tool.examples),
        side_effect=tool.side_effect or _side_effect_of(options),
        execution=tool.execution or options_pb2.EXECUTION_SERVICE,
    )


def _side_effect_of(options: MethodOptions) -> int:
    if options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS:
        return options_pb2.SIDE_EFFECT_READ
    return options_pb2.SIDE_EFFECT_WRITE
