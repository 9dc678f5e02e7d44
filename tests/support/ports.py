"""Ports for servers that are started later, or again: below those that the system hands to anybody.

One that was let go of and asked for again could else be the near end of somebody's connection by then.
"""

import os
import socket
from itertools import cycle
from pathlib import Path

_ANY = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
_OURS = range(_ANY // 2, _ANY)
_FIRST = os.getpid() * 101 % len(_OURS)
_NEXT = cycle((*_OURS[_FIRST:], *_OURS[:_FIRST]))  # test runs side by side are far from each other


def free_port() -> int:
    """One on loopback that nobody listens at, and that this process is not given again soon."""
    for port in _NEXT:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # somebody's
                continue
            return port
    raise AssertionError("a cycle ends")
