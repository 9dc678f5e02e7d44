"""The pages, as built into `static` beside this file: served to anybody, and closed to everything foreign.

The build is read once into memory, compressed there. What it names by a hash never changes, so browsers keep
it; the page itself is asked for again each time. Paths of no file are the page too: it finds its own way.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
"""Where `make dapp` puts the build, and a wheel carries it."""
PAGE = "index.html"
NOT_PAGES = ("api/", "agent/", "callbacks/")
"""Below these an unknown path is an error, not a page."""
FOREVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
NOT_BUILT = """\
LinkPool's control plane runs, but its pages were not built into this installation.

In a source tree: run `make dapp` (it needs Node 20 or newer), then start the control plane again.
Installed from a wheel: build it after `make dapp`, or use the container image (`make image`), which has them.

Everything else works without them: the API is at /api/v1, described at /api/v1/openapi.json,
and `linkpool --help` lists what the command line can do.
"""
_PACKED = (".html", ".js", ".css", ".svg", ".json", ".txt", ".webmanifest")


@dataclass(frozen=True)
class File:
    """One file of the build; `packed` by gzip where that helps."""

    body: bytes
    packed: bytes | None
    kind: str
    tag: str
    caching: str


class Pages:
    """ASGI application for what no route of the API is for; `otherwise` answers what is no page either.

    rpc_url: what pages may speak to beside this host.
    """

    def __init__(self, folder: Path, rpc_url: str | None, otherwise: ASGIApp) -> None:
        self._files = read(folder)
        self._headers = protection(rpc_url)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Raises HTTPException 404."""
        path = scope.get("path", "/").removeprefix("/")
        asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if asked and not path.startswith(NOT_PAGES):
            await self._page(path, Request(scope))(scope, receive, send)
        else:
            await self._otherwise(scope, receive, send)

    def _page(self, path: str, request: Request) -> Response:
        if path.startswith("assets/") and path not in self._files:
            raise HTTPException(404, f"there is nothing at /{path}")
        found = self._files.get(path) or self._files.get(PAGE)
        if found is None:
            return PlainTextResponse(NOT_BUILT, 404)
        return _answer(found, request, self._headers)


def read(folder: Path) -> Mapping[str, File]:
    """The build by path; nothing where there is none."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("."):
            body = path.read_bytes()
            found[name] = File(
                body=body,
                packed=gzip.compress(body, mtime=0) if path.suffix in _PACKED else None,
                kind=mimetypes.guess_type(name)[0] or "application/octet-stream",
                tag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
                caching=FOREVER if name.startswith("assets/") else ASK_AGAIN,
            )
    return found


def protection(rpc_url: str | None) -> dict[str, str]:
    """Headers that keep a page to itself: no foreign or inline script, no frame, no word to other hosts."""
    rpc = urlsplit(rpc_url or "")
    others = f" {rpc.scheme}://{rpc.netloc}" if rpc.netloc else ""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",  # wallets announce their icons as data
        "font-src": "'self'",
        "connect-src": f"'self'{others}",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


def _answer(file: File, request: Request, headers: Mapping[str, str]) -> Response:
    kept = {**headers, "Cache-Control": file.caching, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=kept)
    packed = file.packed if "gzip" in request.headers.get("accept-encoding", "") else None
    if packed is not None:
        kept["Content-Encoding"] = "gzip"
    return Response(file.body if packed is None else packed, media_type=file.kind, headers=kept)
