"""Which hosts an HTTP task may call: the address is looked up once, judged, and that address is called."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from scheduler_sdk.errors import NonRetryable

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether this is an address of the public internet, also seen through those that IPv6 wraps around IPv4."""
    ip = ip_address(address.partition("%")[0])
    return all(each.is_global and not each.is_multicast for each in (ip, *_wrapped(ip)))


def check_host(host: str) -> None:
    """Raises `NonRetryable` for an address that is not public; a name is looked up later."""
    try:
        public = is_public(host)
    except ValueError:
        return
    if not public:
        raise forbidden(host)


def forbidden(where: str) -> NonRetryable:
    told = f"{where} is not an address of the public internet; this worker calls no others (allow_private)"
    return NonRetryable(told, code="HTTP_ADDRESS_FORBIDDEN")


class PublicResolver(AbstractResolver):
    """Finds public addresses only: what is judged here is what is connected to, whatever the name says later."""

    def __init__(self) -> None:
        self._found = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._found.resolve(host, port, family)
        public = [each for each in found if is_public(each["host"])]
        if found and not public:
            raise forbidden(f"{host} ({found[0]['host']})")
        return public

    async def close(self) -> None:
        await self._found.close()


def _wrapped(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    if isinstance(ip, IPv4Address):
        return []
    inside = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or ip in _COMPATIBLE:
        inside.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [each for each in inside if each is not None]
