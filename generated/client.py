"""Sends the requests of the endpoint modules. Only this module imports an HTTP library."""

import ssl
from typing import Any, Self

import httpx
from attrs import define, evolve, field

from .types import RawResponse, Request, Unset

DEFAULT_TIMEOUT = httpx.Timeout(30.0)


@define
class Client:
    """Sends requests without credentials.

    The keyword arguments are those of `httpx.AsyncClient`; `httpx_args` is for all others. A client and the
    clients that its `with_...` methods return share one connection pool, which is created on first use.
    """

    raise_on_unexpected_status: bool = field(default=False, kw_only=True)
    """Raise errors.UnexpectedStatus for a status the document does not list, instead of parsing to None."""
    _base_url: str = field(alias="base_url")
    _cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", repr=False)
    _headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)
    _timeout: httpx.Timeout | None = field(default=DEFAULT_TIMEOUT, kw_only=True, alias="timeout")
    _verify_ssl: str | bool | ssl.SSLContext = field(default=True, kw_only=True, alias="verify_ssl")
    _follow_redirects: bool = field(default=False, kw_only=True, alias="follow_redirects")
    _httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)
    _pool: list[httpx.AsyncClient] = field(factory=list, kw_only=True, alias="_pool", repr=False, eq=False)

    def with_headers(self, headers: dict[str, str]) -> Self:
        """A client on the same pool that sends these headers too."""
        return evolve(self, headers={**self._headers, **headers})

    def with_cookies(self, cookies: dict[str, str]) -> Self:
        """A client on the same pool that sends these cookies too."""
        return evolve(self, cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout) -> Self:
        """A client on the same pool with another timeout."""
        return evolve(self, timeout=timeout)

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use this pool. Its settings are the defaults for requests."""
        self._pool[:] = [async_client]
        return self

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """The connection pool."""
        if not self._pool:
            self._pool.append(
                httpx.AsyncClient(
                    base_url=self._base_url,
                    timeout=self._timeout,
                    verify=self._verify_ssl,
                    follow_redirects=self._follow_redirects,
                    **self._httpx_args,
                )
            )
        return self._pool[0]

    def _own_headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {**self._headers, "Cookie": cookies} if cookies else self._headers

    async def send(self, request: Request) -> RawResponse:
        """Send one request. Override it to intercept the requests of the endpoint modules."""
        return await self.get_async_httpx_client().request(
            request.method,
            request.path,
            params=request.params or None,
            headers={**self._own_headers(), **request.headers},
            json=None if isinstance(request.json, Unset) else request.json,
            timeout=self._timeout,
        )

    async def __aenter__(self) -> Self:
        await self.get_async_httpx_client().__aenter__()
        return self

    async def __aexit__(self, *args: Any) -> None:
        await self.get_async_httpx_client().__aexit__(*args)


@define
class AuthenticatedClient(Client):
    """Sends requests with a token, for secured endpoints."""

    token: str = field(repr=False)
    """The token to use for authentication"""
    prefix: str = "Bearer"
    """The prefix to use for the Authorization header"""
    auth_header_name: str = "Authorization"
    """The name of the Authorization header"""

    def _own_headers(self) -> dict[str, str]:
        credentials = f"{self.prefix} {self.token}" if self.prefix else self.token
        return {**Client._own_headers(self), self.auth_header_name: credentials}
