"""Decides which redirects a request follows. Pure.

Only 307 and 308 are followed, which keep the method and body (RFC 9110, sections 15.4.8 and 15.4.9), and only within
the same origin, so that the API key is not sent to anybody else. The service redirected `/api/environments/` in this
way for a while (docs/service.md, section 1).
"""

import re
from urllib.parse import urldefrag, urljoin, urlsplit

from .._core.response import Response
from .._core.web_origin import origin

MAX_REDIRECTS = 5
MAX_URL_LENGTH = 8192
"""The maximum that servers and gateways commonly accept."""
LOCATION = re.compile(rf"[!-\[\]-~]{{1,{MAX_URL_LENGTH}}}")
"""ASCII without backslashes, with which one parser may see a path where another one sees a host."""


def followed_url(url: str, response: Response) -> str | None:
    """The URL to which the request is redirected, or None if the response is final."""
    location = response.headers.get("Location", "")
    if response.status_code not in {307, 308} or not LOCATION.fullmatch(location):
        return None
    try:
        target = urldefrag(urljoin(url, location)).url
        is_own = origin(urlsplit(target)) == origin(urlsplit(url)) and "@" not in urlsplit(target).netloc
    except ValueError:
        return None
    return target if is_own and len(target) <= MAX_URL_LENGTH else None
