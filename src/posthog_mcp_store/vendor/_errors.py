class VendorError(Exception):
    """The command failed and changed nothing. The message says why, and what to do."""


class ChangedError(VendorError):
    """The copy was changed during the update. The update was rolled back, and the change is kept."""


class TakenError(VendorError):
    """The destination of a new copy already exists."""

    def __init__(self) -> None:
        super().__init__("exists and is not a copy: choose a directory that does not exist yet")
