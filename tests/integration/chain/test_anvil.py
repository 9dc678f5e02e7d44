"""The anvil fixture itself: up when entered, gone when left, base fee still."""

import pytest

from tests.support.anvil import STILL_BASE_FEE, AnvilError, anvil


def test_up_when_entered_and_gone_when_left() -> None:
    with anvil(mining=False) as chain:
        assert chain.rpc("eth_chainId") == hex(31337)
        chain.mine(3)
        head = chain.rpc("eth_getBlockByNumber", "latest", False)
        assert int(head["number"], 16) == 3
        assert int(head["baseFeePerGas"], 16) == STILL_BASE_FEE
    assert chain.process.poll() is not None
    with pytest.raises(ConnectionRefusedError):
        chain.rpc("eth_chainId")


def test_a_refused_option_says_why() -> None:
    with pytest.raises(AnvilError, match="nonsense"), anvil(extra=("--nonsense",)):
        pass
