"""Install a wheel into an empty environment and use the SDK there, then a copy vendored from it.

Run it as `nox -s package`.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from importlib import metadata
from pathlib import Path

METADATA = """
import importlib.metadata
import posthog_mcp_store

assert posthog_mcp_store.__version__ == importlib.metadata.version("posthog-mcp-store")
"""
PROBE = """
import asyncio, sys
import posthog_mcp_store
from posthog_mcp_store import MCPStore, NotFoundError
import httpx

loaded = {name.partition(".")[0] for name in sys.modules}
optional = loaded & {"starlette", "uvicorn", "mcp", "httpx2", "pydantic"}
assert not optional, f"importing the SDK imports {optional}"

def handler(request):
    return httpx.Response(404, json={"detail": "Not found."})

async def main():
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler))
    async with client, MCPStore("phx_key", http_client=client) as store:
        try:
            await store.installations.retrieve("0195f3a0-0000-7000-8000-000000000001")
        except NotFoundError as error:
            print(type(error).__module__, error)

asyncio.run(main())
"""
ALLOWED = {"anyio", "attrs", "certifi", "h11", "httpcore", "httpx", "idna", "posthog-mcp-store", "sniffio"}
ALLOWED |= {"pip", "setuptools", "typing-extensions"}
STRICT = ("-W", "error", "-X", "dev")


def run(environment: Path, *arguments: str | Path) -> None:
    subprocess.run([environment / "bin" / "python", *arguments], check=True, cwd=environment)


def try_copy(scratch: Path) -> None:
    """Vendor the SDK, uninstall it, and use the copy, which needs only the dependencies."""
    copy = "acme/platform/_vendor/mcp_store"
    run(scratch, "-m", "posthog_mcp_store.vendor", copy)
    run(scratch, "-m", "posthog_mcp_store.vendor", "--check", copy)
    run(scratch, "-m", "pip", "uninstall", "--quiet", "--yes", "posthog-mcp-store")
    run(scratch, *STRICT, "-c", PROBE.replace("posthog_mcp_store", copy.replace("/", ".")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dist", type=Path, help="the folder with the wheel")
    (wheel,) = parser.parse_args().dist.resolve().glob("*.whl")
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        venv.create(scratch, with_pip=True)
        run(scratch, "-m", "pip", "install", "--quiet", wheel)
        run(scratch, *STRICT, "-c", METADATA + PROBE)
        found = metadata.distributions(path=[str(path) for path in scratch.glob("lib/*/site-packages")])
        installed = {each.name.lower().replace("_", "-") for each in found}
        try_copy(scratch)
    if unexpected := installed - ALLOWED:
        sys.exit(f"the wheel installs unexpected packages: {', '.join(sorted(unexpected))}")
    dependencies = installed - {"pip", "setuptools", "posthog-mcp-store"}
    print(f"{wheel.name} works, with {len(dependencies)} dependencies: {', '.join(sorted(dependencies))}")


if __name__ == "__main__":
    main()
