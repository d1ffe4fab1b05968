"""The version of the SDK, readable without package metadata so that a vendored copy knows it too."""

__version__ = "0.1.0"
