"""Who asks: one address per question, so that a lost transaction holds up no other."""

import hashlib
from dataclasses import dataclass, field

from linkpool.chain.types import checksum
from linkpool.contracts.oracle import Oracle, RequestTerms
from tests.sim import oracle, sources
from tests.sim.events import Ask
from tests.sim.oracle import Commitment, Question
from tests.support.fake_chain import FakeChain

PENALTY = 10**18
PATIENCE = 20
"""Seconds after expiration at which a requester cancels."""


@dataclass(eq=False)
class Requesters:
    """All of them, and what they asked."""

    chain: FakeChain
    asked: list[Question] = field(default_factory=list)
    _numbers: int = 0

    def ask(self, event: Ask) -> None:
        """Put requests into the mempool."""
        for turn in range(event.count):
            self._numbers += 1
            old = self.asked[turn] if event.again and turn < len(self.asked) else None
            self._submit(
                Question(
                    requester=old.requester if old else _address(self._numbers),
                    number=old.number if old else self._numbers,
                    job=sources.spec_id(event.job),
                    params=sources.params(self._numbers),
                    penalty=PENALTY if event.covered else 0,
                )
            )

    def _submit(self, question: Question) -> None:
        self.asked.append(question)
        tx = oracle.request_tx(question, self._nonce(question.requester))
        self.chain.mempool[tx.hash] = tx

    def cancel(self) -> None:
        """Those who were rejected, or have waited long enough, take their money back."""
        now = self.chain.head.timestamp
        for request_id, held in self.chain.state.storage.get(oracle.ADDRESS, {}).items():
            if held.rejected or now >= held.expiration + PATIENCE:
                self._take_back(request_id, held)

    def _take_back(self, request_id: bytes, held: Commitment) -> None:
        if any(tx.sender == held.requester for tx in self.chain.mempool.values()):
            return
        terms = RequestTerms(request_id, held.payment, held.requester, held.function_id, held.expiration)
        nonce = self.chain.state.nonces.get(held.requester, 0)
        tx = oracle.cancel_tx(held.requester, nonce, Oracle(oracle.ADDRESS).cancel(terms).data)
        self.chain.mempool[tx.hash] = tx

    def _nonce(self, requester: str) -> int:
        pending = [tx.nonce + 1 for tx in self.chain.mempool.values() if tx.sender == requester]
        return max([self.chain.state.nonces.get(requester, 0), *pending])


def _address(number: int) -> str:
    return checksum("0x" + hashlib.sha256(b"requester %d" % number).hexdigest()[:40])
