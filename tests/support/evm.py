"""An in-process EVM (pyrevm) behind the typed calls: transactions, reverts with their reasons, time.

Accounts and slots stay warm from one transaction to the next here, so gas is measured on anvil instead.

    evm = Evm()
    address = evm.create(code, *arguments)
    evm.send(sender, call)            # the decoded return value; evm.events holds what was logged
    evm.ask(call)                     # a view: nothing stays of it
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyrevm
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode

from linkpool.chain.types import Log, checksum
from linkpool.contracts.abi import Call, Event
from linkpool.contracts.events import decode

T = TypeVar("T")

START = 1_700_000_000
"""Unix seconds of the first block."""

GAS = 16_000_000
DEPLOYER = checksum("0x" + "de" * 20)
_ERROR = bytes.fromhex("08c379a0")


class Reverted(Exception):
    """A transaction reverted; the text is its reason, or the raw output where there is none."""


def account(name: str) -> str:
    """An address that stands for a name: the same name, the same address."""
    return checksum("0x" + name.encode().rjust(20, b"\xaa")[-20:].hex())


class Evm:
    """One chain without blocks: `now` is what contracts see next. The base fee is zero."""

    def __init__(self) -> None:
        self._evm = pyrevm.EVM(spec_id="CANCUN")
        self.now = START
        self.gas_used = 0
        self.logs: list[Log] = []
        """Every log of this chain that was not reverted."""
        self._last = 0
        self._block = 0

    def create(self, code: bytes, kinds: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        """Deploy; the address. Raises Reverted."""
        self._enter()
        try:
            created = self._evm.deploy(DEPLOYER, code + encode(kinds, values))
        except RuntimeError as problem:
            raise Reverted(_reason(str(problem))) from None
        self._keep()
        return checksum(created)

    def raw(self, sender: str, to: str, data: bytes, gas: int = GAS, value: int = 0) -> bytes:
        """One transaction with these very bytes; what it returns. Raises Reverted."""
        self._enter()
        self._last = len(self.logs)
        try:
            returned = self._evm.message_call(sender, to, calldata=data, gas=gas, value=value)
        except RuntimeError as problem:
            raise Reverted(_reason(str(problem))) from None
        self._keep()
        return bytes(returned)

    def send(self, sender: str, call: Call[T], gas: int = GAS) -> T:
        """One transaction. Raises Reverted."""
        return call.decode(self.raw(sender, call.to, call.data, gas))

    def ask(self, call: Call[T]) -> T:
        """A view. Raises Reverted."""
        with self.undone():
            return self.send(DEPLOYER, call)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens inside did not happen afterwards."""
        point, now, logs, last = self._evm.snapshot(), self.now, len(self.logs), self._last
        try:
            yield
        finally:
            self._evm.revert(point)
            self.now, self._last = now, last
            del self.logs[logs:]

    @property
    def events(self) -> list[Event]:
        """What the last transaction logged, as far as it is ours."""
        return [event for event in map(decode, self.logs[self._last :]) if event is not None]

    def code_size(self, address: str) -> int:
        """Bytes of code."""
        return len(self._evm.get_code(address) or b"")

    def put_code(self, address: str, code: bytes) -> None:
        """Give an address this code, whatever it was; nothing undoes that."""
        self._evm.insert_account_info(address, pyrevm.AccountInfo(nonce=1, code=code))

    def poke(self, address: str, slot: int, value: int) -> None:
        """Overwrite a storage slot: for states that cannot be reached."""
        self._evm.insert_account_storage(address, slot, value)

    def peek(self, address: str, slot: int) -> int:
        """A storage slot."""
        return int(self._evm.storage(address, slot))

    def _enter(self) -> None:
        self._block += 1
        self._evm.set_block_env(pyrevm.BlockEnv(number=self._block, timestamp=self.now))

    def _keep(self) -> None:
        result = self._evm.result
        assert result is not None, "a call was made before"
        self.gas_used = int(result.gas_used)
        for log in result.logs:
            topics = tuple(_bytes(topic) for topic in log.topics)
            data = _bytes(log.data[1] if isinstance(log.data, tuple) else log.data)
            place = len(self.logs)
            self.logs.append(
                Log(checksum(log.address), topics, data, self._block, bytes(32), self.now, bytes(32), place)
            )


def _bytes(value: str | bytes) -> bytes:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else bytes(value)


def _reason(problem: str) -> str:
    output = bytes.fromhex(problem.partition("output: 0x")[2].partition(" ")[0].strip(" }"))
    if output[:4] == _ERROR:
        return str(abi_decode(["string"], output[4:])[0])
    return f"0x{output.hex()}" if output else problem
