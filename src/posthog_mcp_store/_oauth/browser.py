"""Opening the provider's page in a local browser. Nothing else in the SDK opens one."""

import os
import sys
import webbrowser

from .._core.errors import ConfigurationError
from .._core.text import short_repr
from .redirect import AuthorizationRedirect


def open_in_browser(redirect: AuthorizationRedirect) -> bool:
    """Open the provider's page in a browser on this machine. Returns False if there is none: then print the URL.

    For programs on the user's own machine. A web service redirects its user to `redirect.url` instead. Starting a
    browser can take some seconds, during which the event loop is blocked; `asyncio.to_thread` avoids that.

    Args:
        redirect: The page to open, from `authorize()`, `install_custom()` or `install_template()`.

    Raises:
        ConfigurationError: It is not an AuthorizationRedirect. Other URLs have not been validated.
    """
    # Only validated URLs are opened.
    if not isinstance(redirect, AuthorizationRedirect):
        raise ConfigurationError(f"open_in_browser takes an AuthorizationRedirect, not {short_repr(redirect)}")
    if not _has_screen():
        return False
    try:
        return webbrowser.open(redirect.url)
    except (webbrowser.Error, OSError):
        return False


def _has_screen() -> bool:
    """True if a browser can open a window. Otherwise webbrowser would start one that takes over the terminal."""
    if sys.platform in {"darwin", "win32"}:
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
