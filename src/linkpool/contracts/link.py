"""LINK, as much of it as the pool uses; and DevLink's `mint`, for dev chains."""

from linkpool.contracts.abi import Call, Contract, nothing, same


class Link(Contract):
    """LINK at an address. Amounts are juels."""

    contract = "DevLink"

    def balance_of(self, account: str) -> Call[int]:
        """Juels held."""
        return self._call("balanceOf", account, read=same)

    def transfer(self, to: str, amount: int) -> Call[bool]:
        """Send LINK."""
        return self._call("transfer", to, amount, read=same)

    def approve(self, spender: str, amount: int) -> Call[bool]:
        """Let `spender` take LINK: for `StakingPool.stake`."""
        return self._call("approve", spender, amount, read=same)

    def transfer_and_call(self, to: str, amount: int, data: bytes) -> Call[bool]:
        """Send LINK and call `onTokenTransfer`: a stake (`stake_data`) or a request (`Ask.calldata`)."""
        return self._call("transferAndCall", to, amount, data, read=same)

    def mint(self, to: str, amount: int) -> Call[None]:
        """DevLink only."""
        return self._call("mint", to, amount, read=nothing)
