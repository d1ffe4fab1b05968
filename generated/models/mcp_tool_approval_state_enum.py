from enum import StrEnum


class MCPToolApprovalStateEnum(StrEnum):
    APPROVED = "approved"
    DO_NOT_USE = "do_not_use"
    NEEDS_APPROVAL = "needs_approval"

    def __str__(self) -> str:
        return str(self.value)
