"""Contains all the data models used in inputs/outputs"""

from .available_server import AvailableServer
from .available_tool import AvailableTool
from .available_tool_annotations_type_0 import AvailableToolAnnotationsType0
from .available_tool_input_schema_type_0 import AvailableToolInputSchemaType0
from .available_tools_response import AvailableToolsResponse
from .call_tool_error import CallToolError
from .call_tool_request import CallToolRequest
from .call_tool_request_arguments import CallToolRequestArguments
from .call_tool_response import CallToolResponse
from .call_tool_response_content_item import CallToolResponseContentItem
from .call_tool_response_structured_content_type_0 import (
    CallToolResponseStructuredContentType0,
)
from .error_response import ErrorResponse
from .install_custom import InstallCustom
from .install_custom_auth_type_enum import InstallCustomAuthTypeEnum
from .install_source_enum import InstallSourceEnum
from .install_template import InstallTemplate
from .installation import Installation
from .jsonrpc_message import JSONRPCMessage
from .mcp_agent_grant_scope_enum import MCPAgentGrantScopeEnum
from .mcp_installation_scope_enum import MCPInstallationScopeEnum
from .mcp_server_installation_auth_type_enum import MCPServerInstallationAuthTypeEnum
from .mcp_server_installation_create import MCPServerInstallationCreate
from .mcp_server_installation_scope_enum import MCPServerInstallationScopeEnum
from .mcp_tool_approval_state_enum import MCPToolApprovalStateEnum
from .o_auth_redirect_response import OAuthRedirectResponse
from .paginated_mcp_server_installation_list import PaginatedMCPServerInstallationList
from .paginated_mcp_server_installation_tool_list import (
    PaginatedMCPServerInstallationToolList,
)
from .paginated_mcp_server_template_list import PaginatedMCPServerTemplateList
from .patched_mcp_server_installation_update import PatchedMCPServerInstallationUpdate
from .patched_tool_approval_update import PatchedToolApprovalUpdate
from .template import Template
from .tool import Tool

__all__ = (
    "AvailableServer",
    "AvailableTool",
    "AvailableToolAnnotationsType0",
    "AvailableToolInputSchemaType0",
    "AvailableToolsResponse",
    "CallToolError",
    "CallToolRequest",
    "CallToolRequestArguments",
    "CallToolResponse",
    "CallToolResponseContentItem",
    "CallToolResponseStructuredContentType0",
    "ErrorResponse",
    "Installation",
    "InstallCustom",
    "InstallCustomAuthTypeEnum",
    "InstallSourceEnum",
    "InstallTemplate",
    "JSONRPCMessage",
    "MCPAgentGrantScopeEnum",
    "MCPInstallationScopeEnum",
    "MCPServerInstallationAuthTypeEnum",
    "MCPServerInstallationCreate",
    "MCPServerInstallationScopeEnum",
    "MCPToolApprovalStateEnum",
    "OAuthRedirectResponse",
    "PaginatedMCPServerInstallationList",
    "PaginatedMCPServerInstallationToolList",
    "PaginatedMCPServerTemplateList",
    "PatchedMCPServerInstallationUpdate",
    "PatchedToolApprovalUpdate",
    "Template",
    "Tool",
)
