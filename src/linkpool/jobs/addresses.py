"""Which network addresses a stranger's URL may lead to: those of the public internet, and no others.

Checked on the address that is really dialled, after name resolution, so that neither a name that points
inward nor one that changes between two look-ups gets through. Addresses that carry another one inside are
judged by that.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NAT64 = ip_network("64:ff9b::/96")
_CLOUD = {
    ip_address("168.63.129.16"),  # Azure's metadata and DNS, a public address that is none
    ip_address("100.100.100.200"),  # Alibaba's metadata
    ip_address("192.0.0.192"),  # Oracle's metadata
}


def is_public(address: str) -> bool:
    """Whether this numeric address belongs to the public internet; anything else than an address does not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    inner = _inner(parsed)
    return is_public(str(inner)) if inner else _is_public(parsed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and address not in _CLOUD


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it is of a kind that does."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
