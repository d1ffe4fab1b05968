from enum import StrEnum


class InstallSourceEnum(StrEnum):
    POSTHOG = "posthog"
    POSTHOG_CODE = "posthog-code"

    def __str__(self) -> str:
        return str(self.value)
