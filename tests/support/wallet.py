"""A wallet in the browser: announces itself by EIP-6963, speaks EIP-1193, and signs here with a real key.

What a person would do in its window is told to it: say no, wait, be on another network.
"""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from eth_account import Account as Keys
from eth_account.messages import encode_typed_data
from playwright.async_api import BrowserContext

from tests.support.anvil import Anvil, AnvilError

REJECTED, UNKNOWN_CHAIN = 4001, 4902
NAME = "Test Wallet"

# `said` is what a call came to: its result, or its error with a code, as EIP-1193 wants it.
PROVIDER = """
(() => {
  const listeners = {};
  const provider = {
    request: async ({ method, params }) => {
      const said = await window.linkpoolTestWallet(method, JSON.stringify(params ?? []));
      const { result, error } = JSON.parse(said);
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    },
    on: (event, listener) => (listeners[event] ??= []).push(listener),
    removeListener: (event, listener) => {
      listeners[event] = (listeners[event] ?? []).filter((each) => each !== listener);
    },
  };
  window.linkpoolTestWalletSays = (event, value) =>
    (listeners[event] ?? []).forEach((each) => each(value));
  if (!ANNOUNCED) return void (window.ethereum = provider);
  const icon = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1 1'/>";
  const uuid = "0b7a9b54-0000-4000-8000-6c696e6b7465";
  const info = { uuid, name: "NAME", icon, rdns: "example.linkpool.test" };
  const announce = () =>
    window.dispatchEvent(
      new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) })
    );
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
""".replace("NAME", NAME)


class Refused(Exception):
    """What a wallet answers instead of a result."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **({"data": data} if data is not None else {})}


class Wallet:
    """One account. refuses: its owner says no; chain_id: the network it is on; answers: cleared, it waits."""

    def __init__(self, chain: Anvil, chain_id: int) -> None:
        self._chain = chain
        self._keys = Keys.create()
        self.address = str(self._keys.address)
        self.chain_id = self.home = chain_id
        self.refuses = False
        self.knows_home = True
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked: list[str] = []
        """Methods that a person would have to look at, in order."""
        self._connected = False
        self._works: set[asyncio.Task[Any]] = set()

    async def install(self, context: BrowserContext, *, announced: bool = True) -> None:
        """Be the wallet of every page of a context. announced: by EIP-6963; else it is `window.ethereum`."""
        await context.expose_binding("linkpoolTestWallet", self._binding)
        await context.add_init_script(PROVIDER.replace("ANNOUNCED", "true" if announced else "false"))

    async def _binding(self, source: dict[str, Any], method: str, params: str) -> str:
        try:
            result = await self._call(source, method, json.loads(params))
        except Refused as refused:
            return json.dumps({"error": refused.error})
        except AnvilError as error:
            return json.dumps({"error": {"code": -32603, "message": str(error)}})
        return json.dumps({"result": result})

    async def _call(self, source: dict[str, Any], method: str, params: list[Any]) -> Any:
        if method == "eth_accounts":
            return [self.address] if self._connected else []
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method in {"wallet_requestPermissions", "wallet_revokePermissions", "wallet_getPermissions"}:
            raise Refused(-32601, f"{method} is not supported")
        asks = {
            "eth_requestAccounts": self._connect,
            "wallet_switchEthereumChain": self._switch,
            "wallet_addEthereumChain": self._add,
            "eth_sendTransaction": self._send,
            "eth_signTypedData_v4": self._sign,
        }
        if method not in asks:
            return await asyncio.to_thread(self._chain.rpc, method, *params)
        self.asked.append(method)
        work = asyncio.create_task(self._by_hand(asks[method](source, params)))
        self._works.add(work)  # a page that is loaded again does not close the wallet's window
        work.add_done_callback(self._works.discard)
        return await asyncio.shield(work)

    async def _by_hand(self, act: Coroutine[Any, Any, Any]) -> Any:
        """What its owner does when asked."""
        await self.answers.wait()
        if self.refuses:
            act.close()
            raise Refused(REJECTED, "User rejected the request.")
        return await act

    async def _connect(self, _source: dict[str, Any], _params: list[Any]) -> list[str]:
        self._connected = True
        return [self.address]

    async def _switch(self, source: dict[str, Any], params: list[Any]) -> None:
        wanted = int(params[0]["chainId"], 16)
        if wanted == self.home and not self.knows_home:
            raise Refused(UNKNOWN_CHAIN, "Unrecognized chain ID.")
        self.chain_id = wanted
        await source["page"].evaluate("id => linkpoolTestWalletSays('chainChanged', id)", hex(wanted))

    async def _add(self, source: dict[str, Any], params: list[Any]) -> None:
        self.knows_home = True
        await self._switch(source, params)

    async def _send(self, _source: dict[str, Any], params: list[Any]) -> str:
        wanted = params[0]
        rpc = self._chain.rpc
        price = int(await asyncio.to_thread(rpc, "eth_gasPrice"), 16)
        nonce = int(await asyncio.to_thread(rpc, "eth_getTransactionCount", self.address, "pending"), 16)
        signed = self._keys.sign_transaction(
            {
                "chainId": self.home,
                "nonce": nonce,
                "to": wanted["to"],
                "data": wanted["data"],
                "value": 0,
                "gas": int(wanted["gas"], 16),
                "maxFeePerGas": 2 * price + 10**9,
                "maxPriorityFeePerGas": 10**9,
            }
        )
        raw = "0x" + signed.raw_transaction.hex()
        return str(await asyncio.to_thread(rpc, "eth_sendRawTransaction", raw))

    async def _sign(self, _source: dict[str, Any], params: list[Any]) -> str:
        message = encode_typed_data(full_message=json.loads(params[1]))
        return "0x" + self._keys.sign_message(message).signature.hex()
