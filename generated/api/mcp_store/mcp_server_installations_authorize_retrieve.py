from typing import Any
from uuid import UUID

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error_response import ErrorResponse
from ...models.install_source_enum import InstallSourceEnum
from ...models.o_auth_redirect_response import OAuthRedirectResponse
from ...types import UNSET, RawResponse, Request, Response, Unset, is_json, path_segment


def build_request(
    project_id: str,
    *,
    installation_id: UUID | Unset = UNSET,
    template_id: UUID | Unset = UNSET,
    server_id: UUID | Unset = UNSET,
    install_source: InstallSourceEnum | Unset = UNSET,
    posthog_code_callback_url: str | Unset = UNSET,
    return_path: str | Unset = UNSET,
) -> Request:
    """The request of `asyncio_detailed`, as plain data."""

    params: dict[str, Any] = {}

    json_installation_id: str | Unset = UNSET
    if not isinstance(installation_id, Unset):
        json_installation_id = str(installation_id)
    params["installation_id"] = json_installation_id

    json_template_id: str | Unset = UNSET
    if not isinstance(template_id, Unset):
        json_template_id = str(template_id)
    params["template_id"] = json_template_id

    json_server_id: str | Unset = UNSET
    if not isinstance(server_id, Unset):
        json_server_id = str(server_id)
    params["server_id"] = json_server_id

    json_install_source: str | Unset = UNSET
    if not isinstance(install_source, Unset):
        json_install_source = install_source.value

    params["install_source"] = json_install_source

    params["posthog_code_callback_url"] = posthog_code_callback_url

    params["return_path"] = return_path

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {}

    return Request(
        operation_id="mcp_server_installations_authorize_retrieve",
        method="GET",
        path_template="/api/environments/{project_id}/mcp_server_installations/authorize/",
        path=f"/api/environments/{path_segment(project_id)}/mcp_server_installations/authorize/",
        params=params,
        **_kwargs,
    )


def parse_response(
    *, client: AuthenticatedClient | Client, response: RawResponse
) -> OAuthRedirectResponse | None | ErrorResponse:
    """Parse a response, as `asyncio_detailed` does.

    Raises:
        ValueError: The body does not match the document; an errors.InvalidBodyError names the field.
        TypeError: The body has another JSON type than in the document.
        errors.UnexpectedStatus: The document does not list the status, and `client` raises in that case.
    """
    if response.status_code == 200:
        response_200 = OAuthRedirectResponse.from_dict(response.json())

        return response_200

    if response.status_code == 302:
        return None

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
    installation_id: UUID | Unset = UNSET,
    template_id: UUID | Unset = UNSET,
    server_id: UUID | Unset = UNSET,
    install_source: InstallSourceEnum | Unset = UNSET,
    posthog_code_callback_url: str | Unset = UNSET,
    return_path: str | Unset = UNSET,
) -> Response[OAuthRedirectResponse | None | ErrorResponse]:
    """Start an OAuth flow

     Returns the provider's URL, which the user has to open in a browser that is logged in to PostHog as
    that user. Its state is valid once, for 10 minutes. Stored tokens are kept until the flow ends.

    Args:
        project_id (str):
        installation_id (UUID | Unset):
        template_id (UUID | Unset):
        server_id (UUID | Unset):
        install_source (InstallSourceEnum | Unset): * `posthog` - posthog
            * `posthog-code` - posthog-code
        posthog_code_callback_url (str | Unset):
        return_path (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OAuthRedirectResponse | None | ErrorResponse]
    """

    response = await client.send(
        build_request(
            project_id=project_id,
            installation_id=installation_id,
            template_id=template_id,
            server_id=server_id,
            install_source=install_source,
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
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
    installation_id: UUID | Unset = UNSET,
    template_id: UUID | Unset = UNSET,
    server_id: UUID | Unset = UNSET,
    install_source: InstallSourceEnum | Unset = UNSET,
    posthog_code_callback_url: str | Unset = UNSET,
    return_path: str | Unset = UNSET,
) -> OAuthRedirectResponse | None | ErrorResponse:
    """Start an OAuth flow

     Returns the provider's URL, which the user has to open in a browser that is logged in to PostHog as
    that user. Its state is valid once, for 10 minutes. Stored tokens are kept until the flow ends.

    Args:
        project_id (str):
        installation_id (UUID | Unset):
        template_id (UUID | Unset):
        server_id (UUID | Unset):
        install_source (InstallSourceEnum | Unset): * `posthog` - posthog
            * `posthog-code` - posthog-code
        posthog_code_callback_url (str | Unset):
        return_path (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OAuthRedirectResponse | None | ErrorResponse
    """

    return (
        await asyncio_detailed(
            project_id=project_id,
            client=client,
            installation_id=installation_id,
            template_id=template_id,
            server_id=server_id,
            install_source=install_source,
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
        )
    ).parsed
