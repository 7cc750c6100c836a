"""Checks a service before a specialist is made of it, and tells every problem at once.

`contract_of` and the surfaces stop at the first thing that cannot be; whoever writes a contract wants all of
them, each with its place and what to do about it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

from narrowgauge.contracts.constraint.fields import is_derived, is_map, rules_of, values_from
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.messages import MessageGrammar
from narrowgauge.contracts.contract import Contract, contract_of
from narrowgauge.contracts.descriptors import pool_of
from narrowgauge.contracts.surfaces.protojson import ProtoJsonSurface
from narrowgauge.errors import NarrowgaugeError, NotFound
from narrowgauge.v1 import options_pb2

__all__ = ["Checked", "Finding", "Severity", "check_contract", "services_in"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FEWEST_UTTERANCES = 3


class Severity(Enum):
    """How much a finding matters."""

    ERROR = "error"
    """No specialist can be made."""
    WARNING = "warning"
    """The specialist will be worse than it need be."""
    NOTE = "note"
    """What the constraint cannot say; it is checked on the finished call."""


@dataclass(frozen=True)
class Finding:
    """Something that was found in a contract.

    Attributes:
        severity: How much it matters.
        place: Full name of the service, method, message or field.
        problem: What is wrong.
        fix: What to write; empty where nothing need be done.
    """

    severity: Severity
    place: str
    problem: str
    fix: str = ""


@dataclass(frozen=True)
class Checked:
    """The outcome of a check.

    Attributes:
        findings: In the order of the contract, errors first.
        contract: The contract; None when there are errors.
        masked: Rules that no token that breaks them can be written against.
    """

    findings: tuple[Finding, ...]
    contract: Contract | None
    masked: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make a specialist impossible."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)


def services_in(descriptors: FileDescriptorSet, own: set[str] | None = None) -> list[str]:
    """Returns the full names of the services of a set.

    Args:
        descriptors: The set.
        own: Names of the files to look into; None for all.
    """
    return [
        f"{file.package}.{service.name}".lstrip(".")
        for file in descriptors.file
        if own is None or file.name in own
        for service in file.service
    ]


def check_contract(descriptors: FileDescriptorSet, service_name: str, specialist: str) -> Checked:
    """Checks one service.

    Args:
        descriptors: A self-contained set that has it.
        service_name: Its full name.
        specialist: Name that the specialist is to have.

    Raises:
        NotFound: The set has no such service.
        InvalidRequest: The set is malformed.
    """
    pool = pool_of(descriptors)
    try:
        service = pool.FindServiceByName(service_name)
    except KeyError as error:
        raise NotFound("NO_SUCH_SERVICE", f"there is no service {service_name}") from error
    findings = [*_of_service(service, specialist)]
    for method in service.methods:
        findings += _of_method(method)
    unsupported, masked = _of_constraint(descriptors, service)
    findings += unsupported
    contract = None
    if not any(found.severity is Severity.ERROR for found in findings):
        contract = contract_of(service)
        ProtoJsonSurface().compile(contract)
        if contract.refusing_tool is None:
            findings.append(
                Finding(
                    Severity.NOTE,
                    service_name,
                    "has no way to say no: a request that it cannot serve leads to some call",
                    "a field `bool unanswerable = N [(buf.validate.field).bool.const = true]` in a oneof "
                    "of a request, or in the request of a method for it",
                )
            )
    order = list(Severity)
    findings.sort(key=lambda found: order.index(found.severity))
    return Checked(tuple(dict.fromkeys(findings)), contract, masked)


def _of_service(service: ServiceDescriptor, specialist: str) -> list[Finding]:
    place = service.full_name
    found = []
    options = service.GetOptions()
    example = f'option (narrowgauge.v1.specialist) = {{ name: "{specialist}" description: "…" }};'
    if not _NAME.fullmatch(specialist):
        found.append(
            Finding(
                Severity.ERROR,
                specialist,
                "is no name of a specialist",
                "lower case letters, digits and hyphens, a letter first",
            )
        )
    if not options.HasExtension(options_pb2.specialist):
        found.append(
            Finding(
                Severity.ERROR,
                place,
                "has no option (narrowgauge.v1.specialist)",
                f'import "narrowgauge/v1/options.proto" and write into the service: {example}',
            )
        )
    else:
        said = options.Extensions[options_pb2.specialist]
        if said.name != specialist:
            fix = f'write name: "{specialist}" there'
            if _NAME.fullmatch(said.name):
                fix += f", or make the specialist {said.name}"
            found.append(
                Finding(Severity.ERROR, place, f"names its specialist {said.name!r}, not {specialist!r}", fix)
            )
        if not said.description:
            found.append(
                Finding(
                    Severity.WARNING,
                    place,
                    "has no description, which the router reads",
                    "one sentence that says what requests it serves",
                )
            )
    if not service.methods:
        found.append(
            Finding(Severity.ERROR, place, "has no methods", "a method is a tool: write at least one")
        )
    return found


def _of_method(method: MethodDescriptor) -> list[Finding]:
    place = method.full_name
    found = []
    if method.client_streaming or method.server_streaming:
        found.append(
            Finding(
                Severity.ERROR,
                place,
                "streams, and a tool is a unary method",
                "put it into another service, or write a unary method beside it",
            )
        )
    options = method.GetOptions()
    tool = options.Extensions[options_pb2.tool]
    if not tool.description:
        found.append(
            Finding(
                Severity.WARNING,
                place,
                "has no description",
                'option (narrowgauge.v1.tool) = { description: "one sentence" … }',
            )
        )
    if len(tool.examples) < _FEWEST_UTTERANCES:
        found.append(
            Finding(
                Severity.WARNING,
                place,
                f"has {len(tool.examples)} example requests; the router is fitted to them",
                f"at least {_FEWEST_UTTERANCES} `examples` in (narrowgauge.v1.tool), in a user's words",
            )
        )
    if not tool.side_effect and not options.idempotency_level:
        found.append(
            Finding(
                Severity.WARNING,
                place,
                "does not say what it does to the world, so it counts as a write and waits for approval",
                "side_effect: SIDE_EFFECT_READ, SIDE_EFFECT_WRITE or SIDE_EFFECT_DESTRUCTIVE",
            )
        )
    return found


def _of_constraint(descriptors: FileDescriptorSet, service: ServiceDescriptor) -> tuple[list[Finding], int]:
    """Returns what the constraint cannot have at all, what it leaves, and the number of rules it keeps."""
    found: list[Finding] = []
    current = FileDescriptorSet()
    current.CopyFrom(descriptors)
    claims: set[tuple[str, str]] = set()
    left: dict[tuple[str, str], str] = {}
    for name in (method.name for method in service.methods):
        while True:
            request = pool_of(current).FindServiceByName(service.full_name).methods_by_name[name].input_type
            grammar = MessageGrammar(Limits(), None)
            try:
                start = grammar.request(request)
            except NarrowgaugeError as error:
                field = error.metadata.get("field", "")
                reason = error.metadata.get("reason", error.message)
                place = field or request.full_name
                found.append(Finding(Severity.ERROR, place, reason, _fix_of(reason)))
                # Without the field, the same message may have a further problem.
                if not _leave_out(current, field):
                    break
                continue
            if start is None:
                found.append(
                    Finding(
                        Severity.ERROR,
                        request.full_name,
                        "no finite message has its required fields: they contain each other",
                        "make one of the fields of the cycle optional",
                    )
                )
            claims |= grammar.coverage.claims
            left |= grammar.coverage.left
            found += _open_fields(request, set())
            break
    found += [
        Finding(
            Severity.NOTE,
            place,
            f"{rule} {reason}: not in the constraint, checked on the finished call",
        )
        for (place, rule), reason in sorted(left.items())
    ]
    return found, len(claims)


def _open_fields(message: Descriptor, seen: set[str]) -> list[Finding]:
    """Says which fields the contract leaves without a bound, and which need the environment's values."""
    if message.full_name in seen or message.full_name.startswith("google.protobuf."):
        return []
    seen.add(message.full_name)
    found = []
    for field in message.fields:
        if is_derived(field):
            continue
        if name := values_from(field):
            found.append(
                Finding(
                    Severity.NOTE,
                    field.full_name,
                    f"takes its values from the closed set {name!r}",
                    "the tool's server implements narrowgauge.v1.CatalogueService and names them there",
                )
            )
        elif not field.GetOptions().Extensions[options_pb2.value].description:
            found.append(
                Finding(
                    Severity.WARNING,
                    field.full_name,
                    "has no description",
                    'a few words: (narrowgauge.v1.value).description = "…"',
                )
            )
        own = rules_of(field).string
        if field.type == FieldDescriptor.TYPE_STRING and not own.ListFields() and not values_from(field):
            found.append(
                Finding(
                    Severity.WARNING,
                    field.full_name,
                    f"may have any text of up to {Limits().string_chars} characters",
                    "a rule says what it looks like: (buf.validate.field).string with pattern, in or max_len",
                )
            )
        target = field.message_type
        if target is not None:
            inner = target.fields_by_name["value"].message_type if is_map(field) else target
            if inner is not None:
                found += _open_fields(inner, seen)
    return found


def _fix_of(reason: str) -> str:
    if "google.protobuf.Any" in reason:
        return ""  # the reason says it
    if "values_from" in reason:
        return "use a string, a list of strings or a map with string keys"
    if "no object of fields" in reason:
        return ""
    if "rule" in reason or "range" in reason or "length" in reason or "items" in reason or "pairs" in reason:
        return "change its (buf.validate.field) rules so that some value keeps all of them"
    return "give it another type, or mark it (narrowgauge.v1.value).derived = true"


def _leave_out(descriptors: FileDescriptorSet, full_name: str) -> bool:
    """Marks a field as one that is never generated; says whether there is such a field."""
    for file in descriptors.file:
        prefix = f"{file.package}." if file.package else ""
        if full_name.startswith(prefix):
            for message in file.message_type:
                if _leave_out_of(message, prefix + message.name, full_name):
                    return True
    return False


def _leave_out_of(message: DescriptorProto, name: str, full_name: str) -> bool:
    for field in message.field:
        if f"{name}.{field.name}" == full_name:
            if field.options.Extensions[options_pb2.value].derived:
                return False
            field.options.Clear()
            field.options.Extensions[options_pb2.value].derived = True
            return True
    return any(_leave_out_of(inner, f"{name}.{inner.name}", full_name) for inner in message.nested_type)
