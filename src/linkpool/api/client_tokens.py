"""Asking the control plane who may use it, and who did what. All raise ControlTrouble and Refused."""

from urllib.parse import quote

from linkpool.api.client import Client
from linkpool.wire.api import AuditList, AuditView, MakeToken, TokenList, TokenMade, TokenView


async def tokens(client: Client) -> list[TokenView]:
    """Every token that was made, oldest first, without its secret."""
    return TokenList.model_validate(await client.ask("GET", "/tokens")).tokens


async def make_token(client: Client, wanted: MakeToken) -> TokenMade:
    """A new one: only this answer holds its secret."""
    return TokenMade.model_validate(await client.ask("POST", "/tokens", wanted.model_dump()))


async def revoke_token(client: Client, token_id: str) -> None:
    """Refuse it from now on."""
    await client.ask("DELETE", f"/tokens/{quote(token_id, safe='')}")


async def audit(client: Client, after: int, limit: int = 1_000) -> list[AuditView]:
    """Entries above a number, oldest first."""
    path = f"/audit?after={after}&limit={limit}"
    return AuditList.model_validate(await client.ask("GET", path)).entries
