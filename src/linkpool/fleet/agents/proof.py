"""Whether who dials is one of ours, as far as the database tells: it shows the token of a living group.

That is all that a control plane which stands by can know of a replica, and the first thing a leader asks. Who
dials at the same time is looked up together.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from linkpool import log as secrets_log
from linkpool.fleet.together import Together
from linkpool.store import tokens
from linkpool.store.database import Database
from linkpool.store.tables import GroupRow, NodeRow
from linkpool.wire.agent import PROTOCOL, Hello, Refused

_STRANGER = "no such group, or the wrong token; the replica must be started by this pool's engine"
LONGEST = 63
"""Characters of a group's name: no longer one was ever written down."""


@dataclass(frozen=True)
class Proven:
    """The group whose token was shown, and its node."""

    group: GroupRow
    node: NodeRow


class Proofs:
    """Asks the database about those who say hello."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found = Together(self._find)

    async def of(self, hello: Hello) -> Proven | Refused:
        """Who it is, or why not. What strangers show is not kept. Raises StoreUnreachable."""
        if hello.protocol != PROTOCOL:
            reason = f"this control plane speaks protocol {PROTOCOL}, the replica {hello.protocol}"
            return Refused(reason=reason, final=True)
        if "\0" in hello.group or len(hello.group) > LONGEST:  # the database would refuse all who ask with it
            return Refused(reason=_STRANGER, final=True)
        found = await self._found.ask(hello.group)
        group, node = found or (None, None)
        shown = hello.token.get_secret_value()
        if not hmac.compare_digest(tokens.digest(shown), group.token_hash if group else "0" * 64):
            return Refused(reason=_STRANGER, final=True)
        secrets_log.hide(shown)
        if group is None or node is None or group.removed_at is not None:
            return Refused(reason=f"group {hello.group} was removed", final=True)
        return Proven(group, node)

    async def refusal(self, hello: Hello) -> Refused | None:
        """Why this one may not even wait; none when it may. Raises StoreUnreachable."""
        found = await self.of(hello)
        return found if isinstance(found, Refused) else None

    async def _find(self, names: Sequence[str]) -> Sequence[tuple[GroupRow, NodeRow | None] | None]:
        """The group of each name with its node, if there is such a group."""
        of_groups = select(GroupRow, NodeRow).outerjoin(NodeRow, NodeRow.index == GroupRow.node)
        async with self._database.read() as session:
            rows = await session.execute(of_groups.where(GroupRow.name.in_(names)))
        found = {group.name: (group, node) for group, node in rows}
        return [found.get(name) for name in names]
