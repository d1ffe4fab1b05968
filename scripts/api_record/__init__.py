"""The record of the public API: read from the source, and compared with what was recorded before."""
