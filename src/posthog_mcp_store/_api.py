"""All public names. They are listed nowhere else."""

from ._adapter import UNSET, Installation, Template, Tool, Unset, __document_version__
from ._core.call import RateLimitScope
from ._core.connection_error_info import ConnectionErrorInfo
from ._core.deprecations import Deprecated
from ._core.errors import (
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
from ._core.headers import Headers
from ._core.redacting_filter import RedactingFilter
from ._core.response import ResponseInfo
from ._core.tools import AvailableTool, ServerTools, ToolResult
from ._installations import AgentScope, ApprovalState, InstallationID, Installations, InstallationScope, InstallSource
from ._loopback.receiver import LoopbackReceiver
from ._oauth.browser import open_in_browser
from ._oauth.callback import OAuthCallback
from ._oauth.flow import AuthorizationProgress
from ._oauth.redirect import AuthorizationRedirect
from ._pagination.pager import Page, Pager
from ._proxy.call import ProxyCall
from ._proxy.reply import ProxyReply
from ._proxy.requests import Message
from ._proxy.stream import ProxyStream
from ._ratelimit.local import SERVICE_RATES, LocalRateLimiter, Rate, Rates
from ._ratelimit.protocol import RateLimiter
from ._ratelimit.redis_limiter import RedisRateLimiter
from ._request.api_prefix import APIPrefix
from ._request.settings import APIKey, OnConnectionError, OnResponse
from ._store import MCPStore
from ._templates import Templates
from ._toolbox.toolbox import InstallationTool, Toolbox, UnavailableInstallation
from ._transport.manager import TransportName
from ._version import __version__

__all__ = [
    "SERVICE_RATES",
    "UNSET",
    "APIConnectionError",
    "APIKey",
    "APIPrefix",
    "APIStatusError",
    "APITimeoutError",
    "AgentScope",
    "AlreadyInstalledError",
    "ApprovalState",
    "AuthenticationError",
    "AuthorizationProgress",
    "AuthorizationRedirect",
    "AvailableTool",
    "BadRequestError",
    "BatchRejectedError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionErrorInfo",
    "Headers",
    "InstallSource",
    "Installation",
    "InstallationDisabledError",
    "InstallationID",
    "InstallationScope",
    "InstallationTool",
    "Installations",
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
    "OnConnectionError",
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
    "ServerTools",
    "Template",
    "Templates",
    "Tool",
    "ToolApprovalRequiredError",
    "ToolCallError",
    "ToolDisabledError",
    "ToolNotFoundError",
    "ToolResult",
    "Toolbox",
    "TransportName",
    "UnavailableInstallation",
    "UnsafeRedirectError",
    "Unset",
    "UpstreamError",
    "ValidationError",
    "__document_version__",
    "__version__",
    "open_in_browser",
]

DEPRECATED: dict[str, Deprecated] = {}
"""Old names that still work but are not listed above: `"Old": Deprecated(New, "use New; removed in 0.4.0")`."""
