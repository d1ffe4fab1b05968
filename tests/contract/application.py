"""The embedded service as the contract tests call it: one state per case, and requests that often find something."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID
from zlib import crc32

from schemathesis import Case, GenerationMode, Response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as Answer
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService

Version = Literal["2026-04", "2026-09"]

MCP_SERVER = "https://mcp.example.com/mcp"
EVENTS = b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
ROW_IDS = [UUID(int=number) for number in range(1, 13)]
OAUTH_SERVER_ID = UUID(int=100)
TEMPLATE_IDS = [UUID(int=number) for number in (201, 202, 203)]
TOOLS = ["add", "sell", "drop", "gone"]
CALLBACK = "posthog-code://oauth/callback"

AUTHORIZE = "mcp_server_installations_authorize_retrieve"

AnyCase = Case[Any]


class ApplicationPerCase:
    """An ASGI application that leads to the service of the case at hand.

    schemathesis wants one application for all cases, and sends it the further requests of its checks too.
    """

    def __init__(self) -> None:
        self._service = EmbeddedService()
        self.version: Version = "2026-09"
        self.answers: Counter[tuple[str, int]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._service.app(scope, receive, send)

    def call(self, case: AnyCase, headers: Mapping[str, str]) -> Response:
        """Send a case, and count it."""
        response = case.call(headers=dict(headers))
        self.answers[operation_id(case), response.status_code] += 1
        return response

    def set(self, case: AnyCase, *, version: Version) -> Mapping[str, str]:
        """Start afresh for a case, aim the case at what is there, and return the headers of the rows' owner.

        Create works for every other case.
        """
        number = number_of(case)
        aim(case, number, version=version)
        return self.prepare(version=version, create_works=number % 2 == 1)

    def prepare(self, *, version: Version, create_works: bool = False) -> Mapping[str, str]:
        """Start afresh, and return the headers of the rows' owner."""
        self._service = prepared_service(version=version, create_works=create_works)
        self.version = version
        return {"Authorization": f"Bearer {self._service.api_key}"}


def prepared_service(*, version: Version, create_works: bool) -> EmbeddedService:
    """A service with a row for each response of the proxy itself, and for each that an MCP server gives through it.

    Its owner is a project admin, so that everything can be done.
    """
    service = EmbeddedService(version=version, create_works=create_works)
    service.project().admins.add("alice")
    server = service.add_oauth_server()
    server.id = OAUTH_SERVER_ID
    for answer in ("json", "batch", "events", "accepted", "refused"):
        service.add_mcp_server(f"{MCP_SERVER}/{answer}", mcp_server())
    rows = [
        service.add_installation(url=f"{MCP_SERVER}/json"),
        service.add_installation(url=f"{MCP_SERVER}/batch", display_name="", server=server),
        service.add_installation(url=f"{MCP_SERVER}/events"),
        service.add_installation(url=f"{MCP_SERVER}/accepted", auth_type="oauth", server=server),
        service.add_installation(url=f"{MCP_SERVER}/refused"),
        service.add_installation(url=f"{MCP_SERVER}/nobody", auth_type="none"),
        service.add_installation(api_key=""),
        service.add_installation(is_enabled=False),
        service.add_installation(auth_type="oauth", pending_oauth=True),
        service.add_installation(auth_type="oauth", needs_reauth=True),
        service.add_installation(scope="shared", auth_type="oauth"),
        service.add_installation(scope="shared", user="bob"),
    ]
    if version >= "2026-09":
        rows[0].tools = dict(zip(TOOLS, ("approved", "needs_approval", "blocked_by_team", "removed"), strict=True))
    for row, row_id in zip(rows, ROW_IDS, strict=True):
        row.id = row_id
    rows[0].updated_at = None
    templates = [
        service.add_template(name="Keys", url=f"{MCP_SERVER}/json", auth_type="api_key"),
        service.add_template(name="Client", url=f"{MCP_SERVER}/client", server=server),
        service.add_template(name="Registers", url="https://registers.example.com/mcp"),
    ]
    for template, template_id in zip(templates, TEMPLATE_IDS, strict=True):
        template.id = template_id
    return service


def mcp_server() -> Starlette:
    """Answers in the way that the last part of its path asks for, whatever it is asked."""

    async def answer(request: Request) -> Answer:
        content = [{"type": "text", "text": "42"}]
        payload = {"tools": [{"name": "add"}], "content": content, "structuredContent": {"result": 42}}
        result = {"jsonrpc": "2.0", "id": 1, "result": payload}
        refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Session not found"}}
        session = {"Mcp-Session-Id": "session-1"}
        answers = {
            "json": JSONResponse(result, headers=session),
            "batch": JSONResponse([result, result]),
            "events": Answer(EVENTS, media_type="text/event-stream"),
            "accepted": Answer(status_code=202, headers=session),
            "refused": JSONResponse(refusal, status_code=404),
        }
        return answers[request.path_params["answer"]]

    return Starlette(routes=[Route("/mcp/{answer}", answer, methods=["POST"])])


def number_of(case: AnyCase) -> int:
    """A number that depends on the request alone."""
    return crc32(repr((case.path_parameters, case.query, case.body)).encode(errors="backslashreplace"))


def aim(case: AnyCase, number: int, *, version: Version) -> None:
    """Point most of the well-formed names of a generated request at things that exist.

    Generated at random, they never would: every answer would be a 404. What was generated to be wrong stays so.
    """
    if is_positive(case, "path"):
        _aim_field(case.path_parameters, "project_id", ["@current", "1"], number)
        _aim_field(case.path_parameters, "id", [str(row_id) for row_id in ROW_IDS], number // 7)
        _aim_field(case.path_parameters, "tool_name", TOOLS, number // 11)
    if is_positive(case, "query"):
        _aim_callback(case.query)
        if operation_id(case) == AUTHORIZE and number % 7:
            _aim_authorize(case.query, number, version=version)
    if is_positive(case, "body") and isinstance(case.body, dict):
        _aim_field(case.body, "server_id", [str(OAUTH_SERVER_ID)], 1)
        _aim_field(case.body, "template_id", [str(template_id) for template_id in TEMPLATE_IDS], number)
        _aim_field(case.body, "tool_name", TOOLS, number)
        _aim_callback(case.body)


def _aim_field(fields: dict[str, Any], name: str, known: list[str], number: int) -> None:
    """Put in one of the known names, or by one number in seven leave the generated one."""
    if name in fields and number % 7:
        fields[name] = known[number % len(known)]


def _aim_authorize(query: dict[str, Any], number: int, *, version: Version) -> None:
    """Name one thing to authorize. The document allows any combination of the three ids, because which one the service
    wants depends on its version (docs/service.md, section 8).
    """
    known = {
        "server_id": [OAUTH_SERVER_ID],
        "installation_id": [ROW_IDS[3], ROW_IDS[8], ROW_IDS[9], ROW_IDS[10]],
        "template_id": TEMPLATE_IDS,
    }
    name = "server_id" if version < "2026-09" else ("installation_id", "template_id")[number % 2]
    for other in known.keys() - {name}:
        query.pop(other, None)
    query[name] = str(known[name][number // 14 % len(known[name])])


def _aim_callback(fields: dict[str, Any]) -> None:
    """The document says `string`, and few strings are URLs of the two schemes that the service lets a flow end at
    (docs/service.md, section 6); a development instance takes others, so that a pattern would be wrong.
    """
    if fields.get("posthog_code_callback_url"):
        fields["posthog_code_callback_url"] = CALLBACK


def is_positive(case: AnyCase, part: str) -> bool:
    """Whether a part of the request follows the document."""
    modes = {str(location.value): info.mode for location, info in case.meta.components.items()} if case.meta else {}
    return modes.get(part, GenerationMode.POSITIVE) is GenerationMode.POSITIVE


def operation_id(case: AnyCase) -> str:
    return str(case.operation.definition.raw["operationId"])


application = ApplicationPerCase()
