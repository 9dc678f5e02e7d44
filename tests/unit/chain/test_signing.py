"""Signed transactions, with eth-account as a second opinion: the same bytes, hash, address and signature."""

from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from linkpool.chain.keys import BadKey, Key
from linkpool.chain.types import checksum

pytestmark = pytest.mark.unit

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32))
amounts = st.one_of(st.just(0), st.integers(0, 2**96), st.sampled_from([127, 128, 255, 256]))
fields: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "chainId": st.sampled_from([1, 10, 137, 31337, 2**31]),
        "nonce": st.integers(0, 2**32),
        "gas": st.integers(21_000, 2**32),
        "value": amounts,
        "data": st.binary(max_size=300).map(lambda data: "0x" + data.hex()),
    },
    optional={"to": st.binary(min_size=20, max_size=20).map(lambda raw: checksum("0x" + raw.hex()))},
)
prices = st.one_of(
    st.fixed_dictionaries({"gasPrice": amounts}),
    st.fixed_dictionaries({"type": st.just(2), "maxFeePerGas": amounts, "maxPriorityFeePerGas": amounts}),
)


@given(keys, fields, prices)
def test_a_signed_transaction_is_byte_for_byte_what_eth_account_signs(
    secret: bytes, transaction: dict[str, Any], price: dict[str, int]
) -> None:
    wanted = Account.from_key(secret).sign_transaction({**transaction, **price})
    assert Key(secret).sign({**transaction, **price}) == (wanted.raw_transaction, wanted.hash)


@given(keys, st.binary(min_size=32, max_size=32))
def test_address_and_signature_of_a_digest_are_those_of_eth_account(secret: bytes, digest: bytes) -> None:
    account = Account.from_key(secret)
    assert Key(secret).address == Key("0x" + secret.hex()).address == account.address
    assert Key(secret.hex()).sign_digest(digest) == account.unsafe_sign_hash(digest).signature


@pytest.mark.parametrize(
    "bad", [bytes(32), ORDER.to_bytes(32), b"\1" * 31, b"\1" * 33, "0x12", "zz" * 32, ""]
)
def test_what_is_no_key_is_refused_without_being_shown(bad: str | bytes) -> None:
    with pytest.raises(BadKey) as refused:
        Key(bad)
    shown = bad if isinstance(bad, str) else bad.hex()
    assert not shown or shown not in str(refused.value)
