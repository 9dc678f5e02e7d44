"""The console's cookie, and the proof that a change under it was meant: no other site can make one.

A browser sends the cookie by itself, so a change needs two things more that only the console's own pages can
give: a value that was told at login, in a header, and an `Origin` that is this host.
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.security import APIKeyCookie

from linkpool.wire.trust import is_loopback

COOKIE = "linkpool_session"
PATH = "/api/v1"
CSRF_HEADER = "X-LinkPool-CSRF"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

cookie = APIKeyCookie(
    name=COOKIE,
    auto_error=False,
    description=f"A session of the console. Changes also need {CSRF_HEADER} and this host as `Origin`.",
)


def set_cookie(request: Request, response: Response, secret: str, seconds: int) -> None:
    """Hand it out: no script reads it, no other site sends it, and only loopback takes it in clear."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=seconds,
        path=PATH,
        secure=not is_loopback(request.url.hostname or ""),
        httponly=True,
        samesite="strict",
    )


def drop_cookie(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")


def csrf_of(secret: str) -> str:
    """What the header must hold; follows from the cookie, which does not follow from it."""
    return hashlib.sha256(f"linkpool csrf {secret}".encode()).hexdigest()


def refuse_foreign_origin(request: Request, *, needed: bool) -> None:
    """Raises 403 when another site asks, or nobody says who does though it is needed."""
    origin = request.headers.get("origin")
    if origin is None and not needed:
        return
    if urlsplit(origin or "").netloc != request.headers.get("host"):
        raise HTTPException(403, "the Origin is not this host: changes come from the console's own pages")


def refuse_unmeant(request: Request, secret: str) -> None:
    """For a change under a cookie. Raises 403 when it may come from another site."""
    refuse_foreign_origin(request, needed=True)
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), csrf_of(secret).encode()):
        raise HTTPException(403, f"under a session a change needs the header {CSRF_HEADER}, as told at login")
