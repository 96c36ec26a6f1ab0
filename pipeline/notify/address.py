"""Which addresses a request may go to: public ones, whatever they are wrapped in."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NAT64 = ip_network("64:ff9b::/96")
# Not global, although Python 3.11 says that some of them are.
_DENIED = tuple(
    ip_network(net)
    for net in ("192.88.99.0/24", "64:ff9b:1::/48", "fec0::/10", "100::/64", "5f00::/16", "::/96")
)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside a mapped, NAT64 or 6to4 address, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def is_public(text: str) -> bool:
    """Whether an address belongs to the public network; False for what is no address."""
    try:
        address = unwrapped(ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in net for net in _DENIED if net.version == address.version)
