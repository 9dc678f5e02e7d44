"""A whole external adapter in the standard library: what a unit of one currency is worth in another.

Asked with POST and `{"id": "...", "data": {"from": "EUR", "to": "USD"}}` it answers
`{"jobRunID": "...", "data": {"result": 1.09}, "result": 1.09, "statusCode": 200}`. It listens on `PORT`, says
on `GET /health` that it is well, lets in only who shows the token of `LINKPOOL_TOKEN_FILE` (on ECS: of
`LINKPOOL_TOKEN`), and ends on SIGTERM when the last answer is out. Its rates come from its settings:
`RATES="EUR=1.09,GBP=1.27"` in dollars.
"""

import hmac
import json
import os
import signal
import threading
from decimal import Decimal
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RATES = {"USD": Decimal(1)} | {
    name: Decimal(rate) for name, rate in (pair.split("=") for pair in os.environ["RATES"].split(","))
}
TOKEN_FILE = os.environ.get("LINKPOOL_TOKEN_FILE")
TOKEN = Path(TOKEN_FILE).read_text().strip() if TOKEN_FILE else os.environ.pop("LINKPOOL_TOKEN", None)
"""Without one, as by hand, everybody is let in."""
SHOWN = f"Bearer {TOKEN}" if TOKEN else None


class Exchange(BaseHTTPRequestHandler):
    """One connection."""

    def do_GET(self) -> None:
        """`/health`."""
        self.reply(HTTPStatus.OK if self.path == "/health" else HTTPStatus.NOT_FOUND, {"healthy": True})

    def do_POST(self) -> None:
        """A question."""
        shown = self.headers.get("Authorization", "")
        if SHOWN and not hmac.compare_digest(shown.encode(), SHOWN.encode()):
            self.reply(HTTPStatus.UNAUTHORIZED, {"error": "the bridge's token is needed"})
            return
        try:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            data = asked["data"]
            rate = RATES[data["from"]] / RATES[data["to"]]
        except (KeyError, TypeError, ValueError) as error:
            self.reply(HTTPStatus.BAD_REQUEST, {"statusCode": 400, "error": f"cannot answer: {error!r}"})
            return
        result = float(round(rate, 8))
        answer = {
            "jobRunID": asked.get("id"),
            "data": {"result": result},
            "result": result,
            "statusCode": 200,
        }
        self.reply(HTTPStatus.OK, answer)

    def reply(self, status: HTTPStatus, body: object) -> None:
        """Send JSON."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Health is asked twice a second: no line for that."""
        if self.path != "/health":
            super().log_message(format, *args)


def main() -> None:
    """Serve until SIGTERM."""
    server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Exchange)
    server.daemon_threads = False  # `server_close` waits for answers under way
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
