"""The envelope of JSON-RPC, the same over HTTP and WebSocket."""

from typing import Any

from yarl import URL

from linkpool.chain.refusals import decode_error
from linkpool.chain.rpc import Call, Garbage, Refusal

CALL_SECONDS = 10.0
"""An endpoint that does not answer in this time is in trouble."""

MAX_ANSWER = 64 * 2**20
"""Bytes of one answer; a larger one is garbage."""


def show_name(url: URL) -> str:
    """Scheme, host and port of `url`, all that may be shown of it: the rest carries a provider's key."""
    return f"{url.scheme}://{url.host}:{url.port}"


def request(ident: int, call: Call) -> dict[str, Any]:
    """The request object of one call."""
    return {"jsonrpc": "2.0", "id": ident, "method": call[0], "params": call[1]}


def outcome(call: Call, answer: Any) -> Any:
    """The result in an answer object; a Refusal is returned. Raises EndpointTrouble."""
    if not isinstance(answer, dict):
        raise Garbage(f"{call[0]}: an answer that is no object: {str(answer)[:200]}")
    if answer.get("error") is not None:
        error = decode_error(call[0], answer["error"])
        if isinstance(error, Refusal):
            return error
        raise error
    if "result" not in answer:
        raise Garbage(f"{call[0]}: an answer without result: {str(answer)[:200]}")
    return answer["result"]
