"""The REST routes, in the shapes of Salesforce's REST API Developer Guide."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tool_svc.salesforce.local_server.faults import Fault
from tool_svc.salesforce.local_server.organisation import Organisation, Page
from tool_svc.salesforce.local_server.records import Records
from tool_svc.salesforce.local_server.schema import ObjectType
from tool_svc.salesforce.local_server.soql_execution import run_soql

__all__ = ["make_app"]

_log = logging.getLogger(__name__)

_VERSIONS = tuple(f"{number}.0" for number in range(50, 67))
_MAX_SOAP_BYTES = 16_384
# Fields of a describe that the list of all objects leaves out.
_NOT_IN_LIST = ("fields", "childRelationships", "recordTypeInfos")

Handler = Callable[[Request], Awaitable[Response]]
Json = dict[str, Any]


def make_app(organisation: Organisation) -> Starlette:
    """Makes the ASGI application of an organisation."""
    routes = _Routes(organisation)
    base = "/services/data/{version}"
    rows = f"{base}/sobjects/{{object}}"

    def route(path: str, handler: Callable[[Request], Response], *methods: str) -> Route:
        return Route(path, routes.guarded(handler), methods=list(methods))

    return Starlette(
        routes=[
            Route("/services/data", routes.versions, methods=["GET"]),
            Route("/services/data/", routes.versions, methods=["GET"]),
            Route("/services/Soap/u/{rest:path}", routes.soap_login, methods=["POST"]),
            route(base, routes.resources, "GET"),
            route(f"{base}/", routes.resources, "GET"),
            route(f"{base}/limits", routes.limits, "GET"),
            route(f"{base}/limits/", routes.limits, "GET"),
            route(f"{base}/query", routes.query, "GET"),
            route(f"{base}/query/", routes.query, "GET"),
            route(f"{base}/queryAll", routes.query, "GET"),
            route(f"{base}/queryAll/", routes.query, "GET"),
            route(f"{base}/query/{{cursor}}", routes.more, "GET"),
            route(f"{base}/queryAll/{{cursor}}", routes.more, "GET"),
            route(f"{base}/sobjects", routes.objects, "GET"),
            route(f"{base}/sobjects/", routes.objects, "GET"),
            route(rows, routes.object, "GET", "POST"),
            route(f"{rows}/", routes.object, "GET", "POST"),
            route(f"{rows}/describe", routes.describe, "GET"),
            route(f"{rows}/describe/", routes.describe, "GET"),
            route(f"{rows}/{{id}}", routes.row, "GET", "PATCH", "DELETE"),
            route(f"{rows}/{{field}}/{{value:path}}", routes.external_row, "GET", "PATCH", "DELETE"),
        ],
        exception_handlers={HTTPException: _http_fault},
    )


class _Routes:
    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._requests = 0

    def guarded(self, handler: Callable[[Request], Response]) -> Handler:
        """Checks session and version, runs the handler in a thread, and words its faults."""

        async def handle(request: Request) -> Response:
            try:
                self._check(request)
                request.state.body = await request.body()
                response = await run_in_threadpool(handler, request)
            except Fault as fault:
                response = _refusal(fault)
            except ClientDisconnect:
                return Response(status_code=400)
            except sqlite3.Error as exc:
                _log.exception("the organisation's database failed")
                message = f"the organisation's database failed: {exc}"
                response = _refusal(Fault(503, "SERVER_UNAVAILABLE", message))
            self._requests += 1
            response.headers["Sforce-Limit-Info"] = f"api-usage={self._requests}/15000"
            return response

        return handle

    def _check(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth") or not self._organisation.authorised(token.strip()):
            raise Fault(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if request.path_params["version"].removeprefix("v") not in _VERSIONS:
            raise Fault(404, "NOT_FOUND", "The requested resource does not exist")

    async def versions(self, request: Request) -> Response:
        return JSONResponse(
            [
                {"label": version, "url": f"/services/data/v{version}", "version": version}
                for version in _VERSIONS
            ]
        )

    def resources(self, request: Request) -> Response:
        base = f"/services/data/{request.path_params['version']}"
        return JSONResponse({name: f"{base}/{name}" for name in ("sobjects", "query", "queryAll", "limits")})

    def limits(self, request: Request) -> Response:
        return JSONResponse({"DailyApiRequests": {"Max": 15000, "Remaining": max(0, 15000 - self._requests)}})

    def objects(self, request: Request) -> Response:
        listed = [self._described(entry, request, brief=True) for entry in self._organisation.schema.objects]
        return self._cacheable(request, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})

    def describe(self, request: Request) -> Response:
        entry = self._organisation.object(request.path_params["object"])
        return self._cacheable(request, self._described(entry, request))

    def object(self, request: Request) -> Response:
        entry = self._organisation.object(request.path_params["object"])
        if request.method == "GET":
            body = {"objectDescribe": self._described(entry, request, brief=True), "recentItems": []}
            return JSONResponse(body)
        with self._organisation.transaction() as records:
            identity = records.create(entry, _json_object(request))
        return JSONResponse({"id": identity, "success": True, "errors": []}, 201)

    def row(self, request: Request) -> Response:
        entry = self._organisation.object(request.path_params["object"])
        key = request.path_params["id"]
        with self._organisation.transaction() as records:
            identity = records.find(entry, key, writing=request.method != "GET")
            return self._row(request, records, entry, identity)

    def external_row(self, request: Request) -> Response:
        entry = self._organisation.object(request.path_params["object"])
        name, value = request.path_params["field"], request.path_params["value"]
        with self._organisation.transaction() as records:
            identity = records.find_external(entry, name, value)
            if request.method == "PATCH":
                return self._upsert(request, records, entry, name, value, identity)
            if identity is None:
                message = f"Provided external ID field does not exist or is not accessible: {name}"
                raise Fault(404, "NOT_FOUND", message)
            return self._row(request, records, entry, identity)

    def query(self, request: Request) -> Response:
        soql = request.query_params.get("q")
        if soql is None:
            raise Fault(400, "MALFORMED_QUERY", "A query string has to be specified")
        options = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
        page = self._organisation.query(
            soql,
            self._version(request),
            include_deleted=request.url.path.rstrip("/").endswith("queryAll"),
            batch=int(options[1]) if options else 0,
        )
        return self._page(request, page)

    def more(self, request: Request) -> Response:
        return self._page(request, self._organisation.more(request.path_params["cursor"]))

    async def soap_login(self, request: Request) -> Response:
        body = await request.body()
        try:
            if len(body) > _MAX_SOAP_BYTES or b"<!" in body:
                # No login needs a DTD, and entities in one can fill the memory.
                raise Fault(400, "SOAP_ENV_CLIENT", "The login request is too long or declares entities")
            values = {
                element.tag.rpartition("}")[2]: element.text or ""
                for element in ElementTree.fromstring(body).iter()  # noqa: S314 - no DTD gets here
            }
            token = self._organisation.login(values.get("username", ""), values.get("password", ""))
        except ElementTree.ParseError as exc:
            return _soap_fault(Fault(500, "SOAP_ENV_CLIENT", f"The login request is not XML: {exc}"))
        except Fault as fault:
            return _soap_fault(fault)
        server = f"{request.url.scheme}://{request.url.netloc}/services/Soap/u/{request.path_params['rest']}"
        result = f"<sessionId>{escape(token)}</sessionId><serverUrl>{escape(server)}</serverUrl>"
        return _soap(f"<loginResponse><result>{result}</result></loginResponse>", 200)

    def _row(self, request: Request, records: Records, entry: ObjectType, identity: str) -> Response:
        if request.method == "PATCH":
            records.update(entry, identity, _json_object(request))
            return Response(status_code=204)
        if request.method == "DELETE":
            records.delete(entry, identity)
            return Response(status_code=204)
        wanted = request.query_params.get("fields")
        names = [name.strip() for name in wanted.split(",")] if wanted else [f.name for f in entry.fields]
        for name in names:
            if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", name):
                raise Fault(400, "INVALID_FIELD", f"No such column '{name}' on entity '{entry.name}'.")
        answer = run_soql(
            records.connection,
            records.schema,
            f"SELECT {', '.join(names)} FROM {entry.name} WHERE Id = '{identity}'",  # noqa: S608 - names only
            today=records.now.date(),
            version=self._version(request),
        )
        record = answer.records[0]
        record.setdefault("Id", identity)
        return JSONResponse(record)

    def _upsert(
        self,
        request: Request,
        records: Records,
        entry: ObjectType,
        name: str,
        value: str,
        identity: str | None,
    ) -> Response:
        values = _json_object(request)
        if any(key.lower() in (name.lower(), "id") for key in values):
            message = f"The {name} field should not be specified in the sobject data."
            raise Fault(400, "INVALID_FIELD", message, [name])
        created = identity is None
        if identity is None:
            identity = records.create(entry, {**values, name: value})
        else:
            records.update(entry, identity, values)
        body = {"id": identity, "success": True, "errors": [], "created": created}
        return JSONResponse(body, 201 if created else 200)

    def _page(self, request: Request, page: Page) -> Response:
        body: Json = {"totalSize": page.total, "done": not page.cursor, "records": page.records}
        if page.cursor:
            body["nextRecordsUrl"] = f"/services/data/v{self._version(request)}/query/{page.cursor}"
        return JSONResponse(body)

    def _described(self, entry: ObjectType, request: Request, *, brief: bool = False) -> Json:
        describe = {k: v for k, v in entry.describe.items() if not (brief and k in _NOT_IN_LIST)}
        version = self._version(request)
        describe["urls"] = {
            name: url.replace("{version}", version) for name, url in entry.describe["urls"].items()
        }
        return describe

    def _cacheable(self, request: Request, body: Json) -> Response:
        """Answers with validators, or with 304 when the client's copy is current."""
        payload = json.dumps(body, separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(payload).hexdigest()[:16]}"'
        changed_at = self._organisation.changed_at
        headers = {"ETag": tag, "Last-Modified": format_datetime(changed_at, usegmt=True)}
        if request.headers.get("if-none-match") == tag or _not_modified(request, changed_at):
            return Response(status_code=304, headers=headers)
        return Response(payload, media_type="application/json", headers=headers)

    def _version(self, request: Request) -> str:
        return str(request.path_params["version"]).removeprefix("v")


def _refusal(fault: Fault) -> Response:
    return JSONResponse(fault.body(), fault.status)


def _not_modified(request: Request, changed_at: datetime) -> bool:
    since = request.headers.get("if-modified-since")
    if since is None or "if-none-match" in request.headers:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False  # RFC 9110 13.1.3: an invalid date is ignored
    return changed_at <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _json_object(request: Request) -> Json:
    try:
        value = json.loads(request.state.body)
    except ValueError as exc:
        raise Fault(400, "JSON_PARSER_ERROR", f"Unexpected character: {exc}") from exc
    if not isinstance(value, dict):
        raise Fault(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
    return value


async def _http_fault(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    if status == 405:
        allowed = (exc.headers or {}).get("Allow", "") if isinstance(exc, HTTPException) else ""
        message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
        return _refusal(Fault(405, "METHOD_NOT_ALLOWED", message))
    return _refusal(Fault(status, "NOT_FOUND", "The requested resource does not exist"))


def _soap(content: str, status: int) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="urn:fault.partner.soap.sforce.com">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
    )
    return Response(body, status, media_type="text/xml")


def _soap_fault(fault: Fault) -> Response:
    code, message = escape(fault.error_code), escape(fault.message)
    return _soap(
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        f"<detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>",
        500,
    )
