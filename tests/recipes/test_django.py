from pathlib import Path

import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.programs import run
from .conftest import write_recipe
from .web import TIMES, answers, site_of, stop

ASGI = "Django with ASGI"
WSGI = "Django with WSGI, and Flask"
SETTINGS = """
DEBUG_PROPAGATE_EXCEPTIONS = True
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "middleware.sign_in"]
ROOT_URLCONF = "urls"
SECRET_KEY = "secret"
"""
MIDDLEWARE = """
def sign_in(get_response):
    # It is synchronous only, as much of the middleware that people have.
    def middleware(request):
        async def auser():
            return request.user

        request.user, request.auser = request.headers["X-User"], auser
        return get_response(request)

    return middleware
"""
URLS = """
import importlib

from django.urls import path

urlpatterns = [path("servers", importlib.import_module("{views}").servers)]
"""
USERS_MODULE = """
import os


{kind} key_of(user):
    return os.environ[f"KEY_OF_{{user.upper()}}"]
"""
ASGI_MODULE = """
from django.core.asgi import get_asgi_application

application = get_asgi_application()
"""
WSGI_MODULE = """
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100


with make_server("127.0.0.1", 0, get_wsgi_application(), Server) as server:
    print(f"running on http://127.0.0.1:{server.server_port}")
    server.serve_forever()
"""
SETTINGS_VARIABLE = {"DJANGO_SETTINGS_MODULE": "settings"}


def write_project(place: Path, recipe: str, *, views: str = "views", asynchronous: bool = False) -> None:
    write_recipe(recipe, place)
    files = {
        "settings": SETTINGS,
        "middleware": MIDDLEWARE,
        "urls": URLS.format(views=views),
        "users": USERS_MODULE.format(kind="async def" if asynchronous else "def"),
        "asgi": ASGI_MODULE,
        "wsgi": WSGI_MODULE,
    }
    for name, text in files.items():
        (place / f"{name}.py").write_text(text)


async def each_sees_their_own(site: str) -> None:
    for user, responses in (await answers(f"{site}/servers")).items():
        names = [[row["name"] for row in response.json()["servers"]] for response in responses]
        assert names == [[f"Server of {user}"]] * TIMES


async def test_asynchronous_views_share_a_store_under_asgi(service: EmbeddedService, tmp_path: Path) -> None:
    write_project(tmp_path, ASGI, asynchronous=True)
    command = ("-m", "uvicorn", "asgi:application", "--port", "0")
    async with run(service, *command, directory=tmp_path, environment=SETTINGS_VARIABLE) as process:
        await each_sees_their_own(await site_of(process))
        said = await stop(process)

    assert "Warning" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("views", ["views", "busy_views"])
async def test_synchronous_views_call_under_wsgi(service: EmbeddedService, tmp_path: Path, views: str) -> None:
    write_project(tmp_path, WSGI, views=views)
    async with run(service, "wsgi.py", directory=tmp_path, environment=SETTINGS_VARIABLE) as process:
        await each_sees_their_own(await site_of(process))
        said = await stop(process)

    assert "Warning" not in said
    assert "Traceback" not in said


async def test_a_store_in_a_module_is_refused_to_a_second_request_under_wsgi(
    service: EmbeddedService, tmp_path: Path
) -> None:
    write_project(tmp_path, ASGI, asynchronous=True)
    service.inject(Fault(delay=1.0, times=None))
    async with run(service, "wsgi.py", directory=tmp_path, environment=SETTINGS_VARIABLE) as process:
        found = await answers(f"{await site_of(process)}/servers", times=1)
        said = await stop(process)

    assert sorted(response.status_code for responses in found.values() for response in responses) == [200, 500]
    assert "ConfigurationError: this MCPStore was used in another event loop" in said
