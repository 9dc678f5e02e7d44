"""Whether who dials is one of ours, as far as the database tells: it shows the token of a living group.

That is all that a control plane which stands by can know of a replica, and the first thing a leader asks.
"""

import hmac
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from linkpool import log as secrets_log
from linkpool.store import tokens
from linkpool.store.database import Database
from linkpool.store.tables import GroupRow, NodeRow
from linkpool.wire.agent import PROTOCOL, Hello, Refused

_STRANGER = "no such group, or the wrong token; the replica must be started by this pool's engine"


@dataclass(frozen=True)
class Proven:
    """The group whose token was shown, and its node."""

    group: GroupRow
    node: NodeRow


async def prove(session: AsyncSession, hello: Hello) -> Proven | Refused:
    """Who it is, or why not. What strangers show is not kept."""
    if hello.protocol != PROTOCOL:
        reason = f"this control plane speaks protocol {PROTOCOL}, the replica {hello.protocol}"
        return Refused(reason=reason, final=True)
    shown = hello.token.get_secret_value()
    of_group = select(GroupRow, NodeRow).outerjoin(NodeRow, NodeRow.index == GroupRow.node)
    found = (await session.execute(of_group.where(GroupRow.name == hello.group))).one_or_none()
    group, node = found if found is not None else (None, None)
    if not hmac.compare_digest(tokens.digest(shown), group.token_hash if group else "0" * 64):
        return Refused(reason=_STRANGER, final=True)
    secrets_log.hide(shown)
    if group is None or node is None or group.removed_at is not None:
        return Refused(reason=f"group {hello.group} was removed", final=True)
    return Proven(group, node)


async def refusal(database: Database, hello: Hello) -> Refused | None:
    """Why this one may not even wait; none when it may. Raises StoreUnreachable."""
    async with database.read() as session:
        found = await prove(session, hello)
    return found if isinstance(found, Refused) else None
