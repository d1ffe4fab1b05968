class VendorError(Exception):
    """Nothing was changed; the message says why and what to do."""
