"""Every public name, listed here and nowhere else."""

from ._answer import Headers, ResponseInfo
from ._authorization import AuthorizationProgress
from ._browser import open_in_browser
from ._deprecations import Deprecated
from ._errors import (
    AlreadyInstalledError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BatchRejectedError,
    ConfigurationError,
    ConflictError,
    InstallationDisabledError,
    ListUnstableError,
    MCPStoreError,
    MethodNotAllowedError,
    NotFoundError,
    OAuthDeniedError,
    OAuthError,
    OAuthTimeoutError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ServerError,
    ToolApprovalRequiredError,
    ToolCallError,
    ToolDisabledError,
    ToolNotFoundError,
    UnsafeRedirectError,
    UpstreamError,
    ValidationError,
)
from ._installations import Installations, InstallSource
from ._logging import RedactingFilter
from ._loopback import LoopbackReceiver
from ._oauth import AuthorizationRedirect
from ._oauth_callback import OAuthCallback
from ._pagination import Page, Pager
from ._proxy import Message, ProxyReply
from ._proxy_call import ProxyCall
from ._proxy_stream import ProxyStream
from ._rate_limiters import SERVICE_RATES, LocalRateLimiter, Rate, RateLimiter, RateLimitScope, Rates
from ._redis_rate_limiter import RedisRateLimiter
from ._seam import UNSET, Installation, Unset, __document_version__
from ._settings import APIKey, APIPrefix, OnResponse
from ._store import MCPStore
from ._toolbox import FailedInstallation, InstalledTool, Toolbox
from ._transport import TransportName
from ._version import __version__

__all__ = [
    "SERVICE_RATES",
    "UNSET",
    "APIConnectionError",
    "APIKey",
    "APIPrefix",
    "APIStatusError",
    "APITimeoutError",
    "AlreadyInstalledError",
    "AuthenticationError",
    "AuthorizationProgress",
    "AuthorizationRedirect",
    "BadRequestError",
    "BatchRejectedError",
    "ConfigurationError",
    "ConflictError",
    "FailedInstallation",
    "Headers",
    "InstallSource",
    "Installation",
    "InstallationDisabledError",
    "Installations",
    "InstalledTool",
    "ListUnstableError",
    "LocalRateLimiter",
    "LoopbackReceiver",
    "MCPStore",
    "MCPStoreError",
    "Message",
    "MethodNotAllowedError",
    "NotFoundError",
    "OAuthCallback",
    "OAuthDeniedError",
    "OAuthError",
    "OAuthTimeoutError",
    "OnResponse",
    "Page",
    "Pager",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "ProxyCall",
    "ProxyReply",
    "ProxyStream",
    "Rate",
    "RateLimitError",
    "RateLimitScope",
    "RateLimiter",
    "Rates",
    "ReauthenticationRequiredError",
    "RedactingFilter",
    "RedisRateLimiter",
    "ResponseDecodeError",
    "ResponseInfo",
    "ServerError",
    "ToolApprovalRequiredError",
    "ToolCallError",
    "ToolDisabledError",
    "ToolNotFoundError",
    "Toolbox",
    "TransportName",
    "UnsafeRedirectError",
    "Unset",
    "UpstreamError",
    "ValidationError",
    "__document_version__",
    "__version__",
    "open_in_browser",
]

DEPRECATED: dict[str, Deprecated] = {}
"""Old names, no longer listed, that still work: `"Old": Deprecated(New, "use New; removed in 0.4.0")`."""
