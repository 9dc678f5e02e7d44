"""The models of the console's sessions."""

from datetime import datetime

from pydantic import SecretStr

from linkpool.wire.api import Asked, View


class BeginSession(Asked):
    """A token to exchange, where it is not shown as `Authorization`."""

    token: SecretStr


class SessionView(View):
    """A session. csrf: what changes need in `X-LinkPool-CSRF`; idle_seconds: how long it lasts unused."""

    csrf: str
    name: str
    scope: str
    expires_at: datetime
    idle_seconds: int
