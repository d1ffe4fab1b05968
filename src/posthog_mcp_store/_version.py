"""The version of the SDK. It is not read from package metadata, which a vendored copy does not have."""

__version__ = "0.1.0"
