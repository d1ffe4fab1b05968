"""Showing the provider's page on the machine the program runs on. Nothing else in the SDK opens a browser."""

import os
import sys
import webbrowser

from .._core.errors import ConfigurationError
from .._core.text import short_repr
from .redirect import AuthorizationRedirect


def open_in_browser(redirect: AuthorizationRedirect) -> bool:
    """Open the provider's page in the user's browser; False where there is none, so that the URL can be printed.

    For programs on the user's own machine; a service sends its user to `redirect.url` by itself. Starting a browser can
    take some seconds: an event loop that must not wait calls this with `asyncio.to_thread`.
    """
    # Only what was judged is opened.
    if not isinstance(redirect, AuthorizationRedirect):
        raise ConfigurationError(f"open_in_browser takes an AuthorizationRedirect, not {short_repr(redirect)}")
    if not _has_screen():
        return False
    try:
        return webbrowser.open(redirect.url)
    except (webbrowser.Error, OSError):
        return False


def _has_screen() -> bool:
    """Whether a browser would get a window. Without one, webbrowser falls back on those that take over the terminal."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
