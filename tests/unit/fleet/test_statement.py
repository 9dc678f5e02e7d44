"""Statements of waiting wallets: only the wallet's own, only for this pool, only what was said."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from linkpool.chain.keys import Key
from linkpool.chain.rpc import EndpointTrouble, Reverted
from linkpool.fleet.waiting.statement import BadSignature, Domain, check, signer
from linkpool.wire.waiting import Statement

POOL = "0x" + "ab" * 20
DOMAIN = Domain(31337, POOL)
KEY = Key("0x" + "11" * 32)
UINT = st.integers(0, 2**256 - 1)


class Chain:
    """Answers every `isValidSignature` like this."""

    def __init__(self, returns: Any = "0x") -> None:
        self.returns, self.asked = returns, list[Any]()

    async def call(self, method: str, *params: Any) -> Any:
        self.asked.append(params[0])
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns

    async def batch(self, calls: Any) -> list[Any]:
        raise NotImplementedError


def said(
    amount: int = 5, deadline: int = 9, nonce: int = 1, key: Key = KEY, domain: Domain = DOMAIN
) -> Statement:
    bare = Statement(
        wallet=key.address, amount=str(amount), deadline=deadline, nonce=str(nonce), signature="0x00"
    )
    signature = key.sign_digest(domain.digest(bare))
    return bare.model_copy(update={"signature": f"0x{signature.hex()}"})


@given(UINT, st.integers(0, 2**40), UINT)
def test_the_digest_is_what_other_wallets_sign(amount: int, deadline: int, nonce: int) -> None:
    """eth-account makes the same from the typed data that `GET /public/waiting` lets a page build."""
    fields = [("wallet", "address"), ("amount", "uint256"), ("deadline", "uint256"), ("nonce", "uint256")]
    message = encode_typed_data(
        {"name": "LinkPool", "version": "1", "chainId": 31337, "verifyingContract": POOL},
        {"Waiting": [{"name": name, "type": kind} for name, kind in fields]},
        {"wallet": KEY.address, "amount": amount, "deadline": deadline, "nonce": nonce},
    )
    signed = Account.sign_message(message, "0x" + "11" * 32)
    statement = Statement(
        wallet=KEY.address,
        amount=str(amount),
        deadline=deadline,
        nonce=str(nonce),
        signature=f"0x{signed.signature.hex()}",
    )
    assert signer(DOMAIN.digest(statement), bytes(signed.signature)) == KEY.address


@given(st.sampled_from(["amount", "deadline", "nonce", "wallet"]), st.integers(10, 10**6))
async def test_a_signature_is_for_exactly_one_statement(field: str, value: int) -> None:
    good = said()
    await check(good, DOMAIN, Chain())
    other = (
        Key(f"0x{value:064x}").address if field == "wallet" else value if field == "deadline" else str(value)
    )
    changed = good.model_copy(update={field: other})
    with pytest.raises(BadSignature):
        await check(changed, DOMAIN, Chain())


@pytest.mark.parametrize("domain", [Domain(1, POOL), Domain(31337, "0x" + "cd" * 20)])
async def test_a_signature_for_another_pool_or_chain_is_none(domain: Domain) -> None:
    with pytest.raises(BadSignature):
        await check(said(domain=domain), DOMAIN, Chain())


@given(st.binary(min_size=1, max_size=100) | st.binary(min_size=65, max_size=65))
async def test_no_bytes_but_the_wallets_own_are_its_signature(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        await check(said().model_copy(update={"signature": f"0x{signature.hex()}"}), DOMAIN, Chain())


async def test_a_malleated_signature_is_refused_by_its_high_half() -> None:
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    good = bytes.fromhex(said().signature[2:])
    high = (order - int.from_bytes(good[32:64])).to_bytes(32)
    other = good[:32] + high + bytes([55 - good[64]])
    with pytest.raises(BadSignature):
        await check(said().model_copy(update={"signature": f"0x{other.hex()}"}), DOMAIN, Chain())


async def test_a_contract_wallet_is_asked_and_believed_only_when_it_says_the_word() -> None:
    foreign = said(key=Key("0x" + "22" * 32)).model_copy(update={"wallet": POOL})
    good = Chain("0x1626ba7e" + "00" * 28)
    await check(foreign, DOMAIN, good)
    assert good.asked[0]["to"].lower() == POOL
    for returns in ("0x", "0x" + "00" * 32, "0xffffffff" + "00" * 28, Reverted("no"), None):
        with pytest.raises(BadSignature):
            await check(foreign, DOMAIN, Chain(returns))
    with pytest.raises(EndpointTrouble):
        await check(foreign, DOMAIN, Chain(EndpointTrouble("gone")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"wallet": "0x12"},
        {"amount": "-1"},
        {"amount": "1.5"},
        {"amount": "01"},
        {"nonce": "0x1"},
        {"deadline": -1},
        {"signature": "nonsense"},
        {"signature": "0x1"},
        {"signature": "0x" + "00" * 3_000},
        {"more": 1},
    ],
)
def test_what_is_no_statement_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Statement.model_validate(said().model_dump() | wrong)


def test_numbers_of_more_than_256_bits_are_no_statement() -> None:
    for field in ("amount", "nonce"):
        with pytest.raises(BadSignature):
            DOMAIN.digest(said().model_copy(update={field: str(2**256)}))
