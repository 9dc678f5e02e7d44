"""The container's health check: does what serves HTTP here say that it is alive?

Reads nothing but LINKPOOL_HEALTH_PORT and imports nothing but sockets, since it runs every few seconds beside
every task.
"""

import os
import socket
import sys

port = os.environ.get("LINKPOOL_HEALTH_PORT", "0")
if port != "0":
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=3) as line:
            line.settimeout(3)
            line.sendall(b"GET /live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = line.recv(64)
    except OSError as error:
        sys.exit(f"no answer on port {port}: {error}")
    if b" 200 " not in answer:
        sys.exit(f"port {port}: {answer[:40]!r}")
