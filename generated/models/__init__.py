"""Contains all the data models used in inputs/outputs"""

from .error_response import ErrorResponse
from .install_custom import InstallCustom
from .install_custom_auth_type_enum import InstallCustomAuthTypeEnum
from .install_source_enum import InstallSourceEnum
from .jsonrpc_message import JSONRPCMessage
from .mcp_server_installation import MCPServerInstallation
from .mcp_server_installation_auth_type_enum import MCPServerInstallationAuthTypeEnum
from .mcp_server_installation_create import MCPServerInstallationCreate
from .o_auth_redirect_response import OAuthRedirectResponse
from .paginated_mcp_server_installation_list import PaginatedMCPServerInstallationList
from .patched_mcp_server_installation_update import PatchedMCPServerInstallationUpdate

__all__ = (
    "ErrorResponse",
    "InstallCustom",
    "InstallCustomAuthTypeEnum",
    "InstallSourceEnum",
    "JSONRPCMessage",
    "MCPServerInstallation",
    "MCPServerInstallationAuthTypeEnum",
    "MCPServerInstallationCreate",
    "OAuthRedirectResponse",
    "PaginatedMCPServerInstallationList",
    "PatchedMCPServerInstallationUpdate",
)
