"""A replica of a pool: claims a slot over the agent socket, then does as the control plane says."""

import structlog

from linkpool.chain.keys import Key
from linkpool.errors import Permanent
from linkpool.jobs.errors import BadValue
from linkpool.replica.agent import Agent
from linkpool.replica.answers import Target
from linkpool.replica.core import Core, Identity
from linkpool.replica.life import Life
from linkpool.replica.ties import Claim
from linkpool.wire.agent import (
    Callback,
    Catalog,
    Drain,
    Message,
    Probe,
    Refused,
    Resume,
    Roster,
    Stamp,
    Stamped,
    Webhook,
    Welcome,
)

log = structlog.get_logger(__name__)


class NotWanted(Permanent):
    """The control plane will not have this replica: wrong token, unknown task, another protocol."""


class Membership:
    """`Ties` of a pool replica."""

    def __init__(self, task: str, agent: Agent) -> None:
        self._task, self._agent = task, agent
        self._key: Key | None = None
        self._order = Stamp(0, 0)
        self._epoch = 0

    async def claim(self) -> Claim:
        """Wait for a welcome: the control plane says nothing else before it. Raises NotWanted."""
        welcome = await self._welcome()
        self._key = Key(welcome.sender_key.get_secret_value())
        target = Target(welcome.node.oracle, ours=True)
        who = Identity(self._task, self._key, welcome.node.chain_id, target, order=welcome.slot)
        return Claim(who, welcome.node)

    async def _welcome(self) -> Welcome:
        while True:
            match await self._agent.inbox.get():
                case Welcome() as welcome:
                    self._epoch = welcome.epoch
                    return welcome
                case Refused() as refused:
                    _heed(refused)
                case message:
                    log.debug("before the welcome, ignored", kind=message.kind)

    async def listen(self, core: Core, life: Life) -> None:
        """Take rosters, catalogs and orders as they come. Raises NotWanted."""
        while True:
            message = await self._agent.inbox.get()
            if self._is_old(message):
                log.info("a former leader's word, ignored", kind=message.kind)
                continue
            match message:
                case Roster() as roster:
                    core.roster.take(roster)
                case Catalog() as catalog:
                    if core.catalog.take(catalog):
                        self.changed()
                case Webhook() as webhook:
                    core.unasked.webhook(webhook.job, webhook.run, webhook.body)
                case Callback() as callback:
                    _deliver(core, callback)
                case Drain() as drain if self._newer(drain.stamp):
                    life.drain()
                case Resume() as resume if self._newer(resume.stamp):
                    life.resume()
                case Probe() as probe:
                    core.prober.ask(probe.id, self._agent.say)
                case Refused() as refused:
                    _heed(refused)
                case Welcome() as welcome:
                    self._keep(welcome)

    def _is_old(self, message: Message) -> bool:
        """It is from before the newest leader that was heard: of any kind, not only of this one."""
        if not isinstance(message, Stamped | Welcome):
            return False
        self._epoch = max(self._epoch, message.epoch)
        return message.epoch < self._epoch

    def _newer(self, stamp: Stamp) -> bool:
        newer = stamp >= self._order
        self._order = max(self._order, stamp)
        return newer

    def _keep(self, welcome: Welcome) -> None:
        """A control plane that came back welcomes again; the slot must be the same."""
        if self._key is not None and Key(welcome.sender_key.get_secret_value()) != self._key:
            raise NotWanted("the control plane gave this replica's slot to another; a fresh copy must start")

    async def goodbye(self) -> None:
        """Say that nothing is in hand any more."""
        await self._agent.goodbye()

    def changed(self) -> None:
        """Heartbeat now."""
        self._agent.nudge()

    async def told(self) -> None:
        """Return after the next heartbeat."""
        await self._agent.told()


def _deliver(core: Core, callback: Callback) -> None:
    try:
        core.callbacks.deliver(callback.run, callback.task, callback.body.encode())
    except BadValue as error:
        log.warning("an adapter's answer is none", run=callback.run, task=callback.task, error=str(error))


def _heed(refused: Refused) -> None:
    if refused.final:
        raise NotWanted(f"the control plane refuses this replica for good: {refused.reason}")
    log.info("no slot yet", reason=refused.reason)
