"""Copies of the SDK for other teams' source trees: `python -m posthog_mcp_store.vendor --help`.

A copy holds the SDK without this tool.
"""
