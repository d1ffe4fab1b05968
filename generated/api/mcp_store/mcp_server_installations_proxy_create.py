from typing import Any
from uuid import UUID

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.jsonrpc_message import JSONRPCMessage
from ...types import UNSET, RawResponse, Request, Response, Unset, is_json, path_segment


def build_request(
    project_id: str,
    id: UUID,
    *,
    body: JSONRPCMessage | list[JSONRPCMessage],
    mcp_session_id: str | Unset = UNSET,
) -> Request:
    """The request of `asyncio_detailed`, as plain data."""
    headers: dict[str, Any] = {}
    if not isinstance(mcp_session_id, Unset):
        headers["Mcp-Session-Id"] = mcp_session_id

    _kwargs: dict[str, Any] = {}

    if isinstance(body, JSONRPCMessage):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = []
        for componentsschemas_jsonrpc_batch_item_data in body:
            componentsschemas_jsonrpc_batch_item = componentsschemas_jsonrpc_batch_item_data.to_dict()
            _kwargs["json"].append(componentsschemas_jsonrpc_batch_item)

    headers["Content-Type"] = "application/json"

    return Request(
        operation_id="mcp_server_installations_proxy_create",
        method="POST",
        path_template="/api/environments/{project_id}/mcp_server_installations/{id}/proxy/",
        path=f"/api/environments/{path_segment(project_id)}/mcp_server_installations/{path_segment(id)}/proxy/",
        headers=headers,
        **_kwargs,
    )


def parse_response(
    *, client: AuthenticatedClient | Client, response: RawResponse
) -> JSONRPCMessage | list[JSONRPCMessage] | None | ErrorResponse | JSONRPCMessage:
    """Parse a response, as `asyncio_detailed` does.

    Raises:
        ValueError: The body does not match the document; an errors.InvalidBodyError names the field.
        TypeError: The body has another JSON type than in the document.
        errors.UnexpectedStatus: The document does not list the status, and `client` raises in that case.
    """
    if response.status_code == 200:

        def _parse_response_200(data: object) -> JSONRPCMessage | list[JSONRPCMessage]:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = JSONRPCMessage.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, list):
                raise TypeError()
            response_200_type_1 = []
            _response_200_type_1 = data
            for componentsschemas_jsonrpc_batch_item_data in _response_200_type_1:
                componentsschemas_jsonrpc_batch_item = JSONRPCMessage.from_dict(
                    componentsschemas_jsonrpc_batch_item_data
                )

                response_200_type_1.append(componentsschemas_jsonrpc_batch_item)

            return response_200_type_1

        response_200 = _parse_response_200(response.json())

        return response_200

    if response.status_code == 202:
        return None

    if response.status_code == 400:
        if not is_json(response):
            return None

        def _parse_response_400(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_400 = _parse_response_400(response.json())

        return response_400

    if response.status_code == 401:
        if not is_json(response):
            return None

        def _parse_response_401(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_401 = _parse_response_401(response.json())

        return response_401

    if response.status_code == 403:
        if not is_json(response):
            return None

        def _parse_response_403(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_403 = _parse_response_403(response.json())

        return response_403

    if response.status_code == 404:
        if not is_json(response):
            return None

        def _parse_response_404(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_404 = _parse_response_404(response.json())

        return response_404

    if response.status_code == 413:
        if not is_json(response):
            return None

        def _parse_response_413(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_413 = _parse_response_413(response.json())

        return response_413

    if response.status_code == 415:
        if not is_json(response):
            return None

        def _parse_response_415(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_415 = _parse_response_415(response.json())

        return response_415

    if response.status_code == 429:
        if not is_json(response):
            return None

        def _parse_response_429(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_429 = _parse_response_429(response.json())

        return response_429

    if response.status_code == 500:
        if not is_json(response):
            return None

        def _parse_response_500(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_500 = _parse_response_500(response.json())

        return response_500

    if response.status_code == 502:
        if not is_json(response):
            return None

        def _parse_response_502(data: object) -> ErrorResponse | JSONRPCMessage:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_proxy_error_type_0 = ErrorResponse.from_dict(data)

                return componentsschemas_proxy_error_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            componentsschemas_proxy_error_type_1 = JSONRPCMessage.from_dict(data)

            return componentsschemas_proxy_error_type_1

        response_502 = _parse_response_502(response.json())

        return response_502

    if response.status_code == 503:
        return None

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    return None


async def asyncio_detailed(
    project_id: str,
    id: UUID,
    *,
    client: AuthenticatedClient,
    body: JSONRPCMessage | list[JSONRPCMessage],
    mcp_session_id: str | Unset = UNSET,
) -> Response[JSONRPCMessage | list[JSONRPCMessage] | None | ErrorResponse | JSONRPCMessage]:
    """Send JSON-RPC to the installed MCP server

     Forwards one JSON-RPC message, or an array of them, to the installation's MCP server with the stored
    credentials, and returns the server's response. The body may have at most 1 MiB, counted in its
    ASCII form. PostHog waits up to 180 seconds for the server.

    Args:
        project_id (str):
        id (UUID):
        mcp_session_id (str | Unset):
        body (JSONRPCMessage | list[JSONRPCMessage]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[JSONRPCMessage | list[JSONRPCMessage] | None | ErrorResponse | JSONRPCMessage]
    """

    response = await client.send(
        build_request(
            project_id=project_id,
            id=id,
            body=body,
            mcp_session_id=mcp_session_id,
        )
    )
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parse_response(client=client, response=response),
    )


async def asyncio(
    project_id: str,
    id: UUID,
    *,
    client: AuthenticatedClient,
    body: JSONRPCMessage | list[JSONRPCMessage],
    mcp_session_id: str | Unset = UNSET,
) -> JSONRPCMessage | list[JSONRPCMessage] | None | ErrorResponse | JSONRPCMessage:
    """Send JSON-RPC to the installed MCP server

     Forwards one JSON-RPC message, or an array of them, to the installation's MCP server with the stored
    credentials, and returns the server's response. The body may have at most 1 MiB, counted in its
    ASCII form. PostHog waits up to 180 seconds for the server.

    Args:
        project_id (str):
        id (UUID):
        mcp_session_id (str | Unset):
        body (JSONRPCMessage | list[JSONRPCMessage]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        JSONRPCMessage | list[JSONRPCMessage] | None | ErrorResponse | JSONRPCMessage
    """

    return (
        await asyncio_detailed(
            project_id=project_id,
            id=id,
            client=client,
            body=body,
            mcp_session_id=mcp_session_id,
        )
    ).parsed
