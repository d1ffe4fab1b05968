from typing import Any

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.install_template import InstallTemplate
from ...models.installation import Installation
from ...models.o_auth_redirect_response import OAuthRedirectResponse
from ...types import RawResponse, Request, Response, is_json, path_segment


def build_request(
    project_id: str,
    *,
    body: InstallTemplate,
) -> Request:
    """The request of `asyncio_detailed`, as plain data."""
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {}
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    return Request(
        operation_id="mcp_server_installations_install_template_create",
        method="POST",
        path_template="/api/environments/{project_id}/mcp_server_installations/install_template/",
        path=f"/api/environments/{path_segment(project_id)}/mcp_server_installations/install_template/",
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
    body: InstallTemplate,
) -> Response[OAuthRedirectResponse | Installation | ErrorResponse]:
    """Install a server of the catalogue

     The template decides how PostHog authenticates. With an API key the installation is ready
    immediately, and one that exists already gets the new key. With OAuth the response has the
    provider's URL.

    Args:
        project_id (str):
        body (InstallTemplate): A server of the catalogue to install.

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
    body: InstallTemplate,
) -> OAuthRedirectResponse | Installation | ErrorResponse | None:
    """Install a server of the catalogue

     The template decides how PostHog authenticates. With an API key the installation is ready
    immediately, and one that exists already gets the new key. With OAuth the response has the
    provider's URL.

    Args:
        project_id (str):
        body (InstallTemplate): A server of the catalogue to install.

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
