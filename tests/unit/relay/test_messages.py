"""JSON-RPC as a server: envelopes, batches, and errors that arrive as what they were."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from linkpool.chain import rpc
from linkpool.chain.refusals import decode_error
from linkpool.relay.messages import error_of, respond


async def echo(method: str, params: Sequence[Any]) -> Any:
    if method == "fail":
        raise ZeroDivisionError
    return [method, *params]


async def told(text: str | bytes) -> Any:
    reply = await respond(text, echo)
    return None if reply is None else orjson.loads(reply)


async def test_a_call_and_a_batch() -> None:
    call = {"jsonrpc": "2.0", "id": 7, "method": "a", "params": [1]}
    assert await told(orjson.dumps(call)) == {"jsonrpc": "2.0", "id": 7, "result": ["a", 1]}
    both = await told(orjson.dumps([call, {**call, "id": "x", "params": None}]))
    assert [(one["id"], one["result"]) for one in both] == [(7, ["a", 1]), ("x", ["a"])]


async def test_nobody_waits_for_a_notification() -> None:
    assert await told('{"jsonrpc": "2.0", "method": "a"}') is None
    assert await told('[{"jsonrpc": "2.0", "method": "a"}]') is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", -32700),
        ("{", -32700),
        (b"\xff\xfe", -32700),
        ("[]", -32600),
        ("7", -32600),
        ('"eth_chainId"', -32600),
        ("null", -32600),
        ('{"id": 1}', -32600),
        ('{"id": 1, "method": 5}', -32600),
        ('{"id": 1, "method": "a", "params": {"b": 1}}', -32600),
        ('{"id": [], "method": "a"}', -32600),
        ('{"id": true, "method": "a"}', -32600),
        ("[" + ",".join(["{}"] * 101) + "]", -32600),
        ('{"id": 1, "method": "fail"}', -32603),
    ],
)
async def test_bad_input_gets_an_error_with_its_code(text: str | bytes, code: int) -> None:
    reply = await told(text)
    assert reply["error"]["code"] == code
    assert reply["jsonrpc"] == "2.0"


async def test_one_bad_call_of_a_batch_is_its_own() -> None:
    replies = await told('[{"id": 1, "method": "a"}, 5, {"id": 2, "method": "fail"}]')
    assert replies[0]["result"] == ["a"]
    assert [one["error"]["code"] for one in replies[1:]] == [-32600, -32603]


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("eth_getLogs", rpc.RangeRefused("eth_getLogs: limited to 10")),
        ("eth_getLogs", rpc.RangeRefused("whatever")),
        ("eth_call", rpc.RateLimited("http://a:1: HTTP 429, too many requests")),
        ("eth_call", rpc.Behind("block 7 is unknown to this endpoint")),
        ("eth_getLogs", rpc.Behind("block 7 is beyond current head")),
        ("eth_call", rpc.Unsupported("nope")),
        ("eth_call", rpc.Reverted("execution reverted: no", b"\x01\x02", 3)),
        ("eth_call", rpc.Reverted("execution reverted", b"", -32000)),
        ("eth_sendRawTransaction", rpc.NonceTooLow("eth_sendRawTransaction: nonce too low", -32000)),
        ("eth_sendRawTransaction", rpc.Underpriced("replacement transaction underpriced")),
        ("eth_sendRawTransaction", rpc.InsufficientFunds("insufficient funds for gas", -32003, "0x")),
        ("eth_call", rpc.Refusal("eth_call: something odd", -32099)),
    ],
)
def test_an_error_arrives_as_what_it_was(method: str, problem: rpc.Refusal | rpc.EndpointTrouble) -> None:
    arrived = decode_error(method, error_of(method, problem))
    assert type(arrived) is type(problem)
    if isinstance(problem, rpc.Reverted):
        assert isinstance(arrived, rpc.Reverted)
        assert (arrived.reason, arrived.revert_data) == (problem.reason, problem.revert_data)
    elif isinstance(problem, rpc.Refusal):
        assert isinstance(arrived, rpc.Refusal)
        assert (arrived.code or -32000, arrived.data) == (problem.code or -32000, problem.data)


@pytest.mark.parametrize(
    "problem",
    [
        rpc.Unreachable("cut"),
        rpc.TimedOut("slow"),
        rpc.Garbage("<html>"),
        rpc.NoEndpoint("none"),
        rpc.WrongChain("5"),
    ],
)
def test_any_other_trouble_arrives_as_a_way_that_is_closed(problem: rpc.EndpointTrouble) -> None:
    assert type(decode_error("eth_call", error_of("eth_call", problem))) is rpc.Unreachable
