"""The public API: extracted from the source, and compared with what was recorded before."""
