from typing import Any

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.install_custom import InstallCustom
from ...models.installation import Installation
from ...models.o_auth_redirect_response import OAuthRedirectResponse
from ...types import RawResponse, Request, Response, is_json, path_segment


def build_request(
    project_id: str,
    *,
    body: InstallCustom,
) -> Request:
    """The request of `asyncio_detailed`, as plain data."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    return Request(
        operation_id="mcp_server_installations_install_custom_create",
        method="POST",
        path_template="/api/environments/{project_id}/mcp_server_installations/install_custom/",
        path=f"/api/environments/{path_segment(project_id)}/mcp_server_installations/install_custom/",
        headers=headers,
        **_kwargs,
    )


def parse_response(
    *, client: AuthenticatedClient | Client, response: RawResponse
) -> OAuthRedirectResponse | Installation | ErrorResponse | None:
    """Parse a response, as `asyncio_detailed` does.

    Raises:
        ValueError: The body does not match the document; an errors.InvalidBodyError names the field.
        TypeError: The body has another JSON type than in the document.
        errors.UnexpectedStatus: The document does not list the status, and `client` raises in that case.
    """
    if response.status_code == 200:
        response_200 = OAuthRedirectResponse.from_dict(response.json())

        return response_200

    if response.status_code == 201:
        response_201 = Installation.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        if not is_json(response):
            return None
        response_400 = ErrorResponse.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        if not is_json(response):
            return None
        response_401 = ErrorResponse.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        if not is_json(response):
            return None
        response_403 = ErrorResponse.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        if not is_json(response):
            return None
        response_404 = ErrorResponse.from_dict(response.json())

        return response_404

    if response.status_code == 406:
        if not is_json(response):
            return None
        response_406 = ErrorResponse.from_dict(response.json())

        return response_406

    if response.status_code == 415:
        if not is_json(response):
            return None
        response_415 = ErrorResponse.from_dict(response.json())

        return response_415

    if response.status_code == 429:
        if not is_json(response):
            return None
        response_429 = ErrorResponse.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        if not is_json(response):
            return None
        response_500 = ErrorResponse.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        if not is_json(response):
            return None
        response_503 = ErrorResponse.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    return None


async def asyncio_detailed(
    project_id: str,
    *,
    client: AuthenticatedClient,
    body: InstallCustom,
) -> Response[OAuthRedirectResponse | Installation | ErrorResponse]:
    """Install an MCP server by its URL

     With `auth_type` `api_key` the installation is ready immediately. With `oauth` the service first
    discovers the provider and registers a client (several outbound requests of up to 10 seconds each),
    and returns the provider's URL. From then on the installation exists, with `pending_oauth` true.

    Args:
        project_id (str):
        body (InstallCustom): An MCP server to install by its URL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OAuthRedirectResponse | Installation | ErrorResponse]
    """

    response = await client.send(
        build_request(
            project_id=project_id,
            body=body,
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
    *,
    client: AuthenticatedClient,
    body: InstallCustom,
) -> OAuthRedirectResponse | Installation | ErrorResponse | None:
    """Install an MCP server by its URL

     With `auth_type` `api_key` the installation is ready immediately. With `oauth` the service first
    discovers the provider and registers a client (several outbound requests of up to 10 seconds each),
    and returns the provider's URL. From then on the installation exists, with `pending_oauth` true.

    Args:
        project_id (str):
        body (InstallCustom): An MCP server to install by its URL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OAuthRedirectResponse | Installation | ErrorResponse
    """

    return (
        await asyncio_detailed(
            project_id=project_id,
            client=client,
            body=body,
        )
    ).parsed
