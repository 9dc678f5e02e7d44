"""What both ends of the agent socket agree on, so that a replica trusts its pool's control planes and nobody
else: where the pool's certificate authority is shown, how it is recognised, and the name it vouches for.
"""

import hashlib
from ipaddress import ip_address
from urllib.parse import urlsplit

CA_PATH = "/agent/ca"
"""Where a control plane shows the authority's certificate (DER). It is no secret; the fingerprint decides."""
SERVER_NAME = "control.linkpool"
"""The name in every control plane's certificate, whatever address it is reached at."""


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER, 64 hex digits: what `LINKPOOL_CA_FINGERPRINT` holds."""
    return hashlib.sha256(certificate).hexdigest()


def is_loopback(host: str) -> bool:
    """What is said to this host does not leave the machine."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:  # another name, wherever it may lead
        return False


def is_secure(url: str) -> bool:
    """A line to this URL is TLS, by its scheme."""
    return urlsplit(url).scheme in ("https", "wss")
