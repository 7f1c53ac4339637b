"""Which addresses webhooks may have."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class AddressForbidden(Exception):
    """It is not an address of the public internet."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is not an address of the public internet; the setting webhooks.allow-private allows others"
        )


class Addresses(AbstractResolver):
    """Finds allowed addresses only: what is judged here is what is connected to, whatever the name says later."""

    def __init__(self, is_allowed: Callable[[str], bool]) -> None:
        self._is_allowed = is_allowed
        self._found: ThreadedResolver | None = None

    def check(self, host: str) -> None:
        """Raises `AddressForbidden` for an address that is not allowed; a name is judged when it is looked up."""
        try:
            ip_address(host)
        except ValueError:
            return
        if not self._is_allowed(host):
            raise AddressForbidden(host)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if self._found is None:
            self._found = ThreadedResolver()  # it wants the running loop
        found = await self._found.resolve(host, port, family)
        allowed = [each for each in found if self._is_allowed(each["host"])]
        if found and not allowed:
            raise AddressForbidden(f"{host} ({found[0]['host']})")
        return allowed

    async def close(self) -> None:
        if self._found is not None:
            await self._found.close()
