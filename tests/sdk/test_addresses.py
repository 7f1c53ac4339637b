"""An HTTP task reaches public addresses only, unless its worker allows others."""

from __future__ import annotations

import socket

import pytest

from scheduler_sdk.errors import TaskFailed
from scheduler_sdk.job_types.addresses import PublicResolver, check_host, is_public


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert is_public(address)
    check_host(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_no_other_address_may_be_called_however_it_is_wrapped(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(TaskFailed) as caught:
        check_host(address)
    assert (caught.value.code, caught.value.retryable) == ("HTTP_ADDRESS_FORBIDDEN", False)


def test_a_name_is_not_judged_before_it_is_looked_up() -> None:
    check_host("example.com")


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f.0.0.1"])
async def test_a_name_that_leads_to_another_address_is_refused(name: str) -> None:
    resolver = PublicResolver()
    with pytest.raises(TaskFailed, match=r"is not an address of the public internet"):
        await resolver.resolve(name, 80, socket.AF_INET)
    await resolver.close()
