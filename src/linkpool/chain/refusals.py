"""Which error a node means: JSON-RPC names few codes, so the text decides.

The texts are those of geth, erigon, nethermind, besu, reth and anvil, and of large providers. What no
rule knows stays a plain `Refusal` with the node's own words.
"""

import re
from typing import Any

from linkpool.chain import rpc
from linkpool.errors import LinkPoolError

_RATE_CODES = frozenset({-32005, -32029, 429})
_METHOD_NOT_FOUND = -32601

_RULES: tuple[tuple[type[rpc.EndpointTrouble] | type[rpc.Refusal], str], ...] = (
    (
        rpc.AlreadyKnown,
        r"already known|known transaction|already imported|alreadyknown|already in (the )?pool",
    ),
    (
        rpc.Underpriced,
        r"replacement transaction|underpriced.*replac|replac.*underpriced|replacementnotallowed",
    ),
    (rpc.NonceTooLow, r"nonce (is )?too low|nonce_too_low|oldnonce|invalid nonce.*lower|already been mined"),
    (rpc.NonceTooHigh, r"nonce (is )?too high|nonce_too_high|nonce gap|noncegap|distant future"),
    (
        rpc.FeeTooLow,
        r"underpriced|max fee per gas less than|fee cap less than|feetoolow|gas price (is )?(too low|below)|"
        r"below (the )?(current )?base fee|less than block base fee|minimum (gas price|priority fee)",
    ),
    (rpc.InsufficientFunds, r"insufficient (funds|balance)|insufficientfunds|upfront cost exceeds"),
    (rpc.IntrinsicGas, r"intrinsic gas|intrinsicgas"),
    (
        rpc.GasLimitTooHigh,
        r"exceeds block gas limit|exceeds_block_gas_limit|gas limit (is )?(too high|exceed)|"
        r"exceeds? (the )?(maximum|max) (transaction )?gas|gaslimitexceeded",
    ),
    (
        rpc.RangeRefused,
        r"block range|range (is )?(too|limit|exceed)|limited to|too many (results|logs|blocks)|"
        r"response size|query (returned more|timeout|exceed)|more than \d+ (results|logs)|"
        r"exceed.*(range|results)|too large",
    ),
    (
        rpc.RateLimited,
        r"rate limit|too many requests|request limit|exceeded.*(quota|capacity|compute)|throttl",
    ),
    (
        rpc.Behind,
        r"header not found|block (was )?not found|unknown block|missing trie node|beyond (current )?head|"
        r"after last (accepted )?block|block.*(not available|out of range)|state.*not available|pruned",
    ),
    (
        rpc.Unsupported,
        r"method not (found|supported|allowed|available)|does not exist/is not available|match any variant",
    ),
    (
        rpc.Unreachable,
        r"(tx|transaction) ?pool is full|txpool.*full|timeout|timed out|internal error|temporar",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, pattern in _RULES)


def decode_error(method: str, error: Any) -> LinkPoolError:
    """The exception for the `error` member of a JSON-RPC answer to `method`."""
    if not isinstance(error, dict):
        return rpc.Garbage(f"{method}: an error that is no object: {str(error)[:200]}")
    message, code, data = str(error.get("message", "")), error.get("code", 0), error.get("data")
    if not isinstance(code, int):
        code = 0
    text = f"{method}: {message}"
    if code == 3 or message.lower().startswith(("execution reverted", "vm execution error", "revert")):
        return rpc.Reverted(message, _revert_data(data), code)
    if code == _METHOD_NOT_FOUND:
        return rpc.Unsupported(text)
    for kind, pattern in _COMPILED:
        if pattern.search(message) and (kind is not rpc.RangeRefused or method == "eth_getLogs"):
            return kind(text, code, data) if issubclass(kind, rpc.Refusal) else kind(text)
    if code in _RATE_CODES:
        return rpc.RateLimited(text)
    return rpc.Refusal(text, code, data)


def _revert_data(data: Any) -> bytes:
    """geth and anvil give 0x-hex, nethermind `Reverted 0x...`, some an object with `data` in it."""
    if isinstance(data, dict):
        data = data.get("data", data.get("result"))
    found = re.search(r"0x((?:[0-9a-fA-F]{2})*)", data) if isinstance(data, str) else None
    return bytes.fromhex(found[1]) if found else b""
