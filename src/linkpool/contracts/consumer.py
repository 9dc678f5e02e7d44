"""DemoConsumer: a requester contract for dev chains, tests and benches."""

from dataclasses import dataclass

from linkpool.contracts.abi import Call, Contract, Event, same


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Event):
    """A request was sent to an oracle."""

    contract = "DemoConsumer"
    request_id: bytes
    oracle: str


class DemoConsumer(Contract):
    """One at an address. It pays with its own LINK."""

    contract = "DemoConsumer"

    def ask(self, oracle: str, job: bytes, payment: int, data: bytes, times: int = 1) -> Call[bytes]:
        """Send `times` equal requests of `payment` juels; `data` is CBOR. Returns the last request id."""
        return self._call("ask", oracle, job, payment, data, times, read=same)

    def answers(self, request_id: bytes) -> Call[int]:
        """Callbacks that came for a request."""
        return self._call("answers", request_id, read=same)

    def latest(self) -> Call[int]:
        """The last value that came."""
        return self._call("latest", read=same)

    def value(self, request_id: bytes) -> Call[int]:
        """The value that came for a request, 0 before."""
        return self._call("values", request_id, read=same)
