"""The demo job (`demo.toml`): the usual eight tasks, from the request's log to the answer."""

from importlib.resources import files

from cbor2 import dumps

SPEC_ID = b"0d4f8a1e5b5c4c3a9f2e6c696e6b0001"
"""The job's id as requests name it: its UUID's 32 hex digits."""


def demo_job(source: str, query: str = "") -> str:
    """The job's TOML, fetching from the demo source at that base URL; `query` makes the source misbehave."""
    text = files("linkpool.dev").joinpath("demo.toml").read_text()
    return text.replace("SOURCE_URL/price", f"{source}/price{query}")


def demo_parameters() -> bytes:
    """What the demo requester asks: CBOR without the map's delimiters, as Chainlink's clients send it."""
    return dumps({"path": "data,price", "times": 100_000})[1:]
