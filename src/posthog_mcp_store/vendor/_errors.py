class VendorError(Exception):
    """Nothing was changed; the message says why and what to do."""


class ChangedError(VendorError):
    """Somebody has changed a copy while it was updated. It is as they left it."""


class TakenError(VendorError):
    """There is something in the place of a new copy."""

    def __init__(self) -> None:
        super().__init__("exists and is not a copy: choose a directory that does not exist yet")
