"""Whether what a webhook brings is from the platform: signatures as Standard Webhooks has them."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping

TOLERANCE = 300.0
"""Seconds: an older delivery may be one that somebody recorded and sends again."""


class NotGenuine(Exception):
    """The delivery is not to be believed; the message says why."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> str:
    """The id of a delivery that was signed with the secret; one that comes again has the same.

    `body` is what came, byte for byte. Raises `NotGenuine`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        id_, sent, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = abs((time.time() if now is None else now) - int(sent))
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except KeyError as error:
        raise NotGenuine(f"the header {error} is missing") from None
    except binascii.Error:
        raise ValueError("this is no secret of a webhook") from None
    except ValueError:
        raise NotGenuine("the time of sending is no number") from None
    if age > TOLERANCE:
        raise NotGenuine("it was not sent just now")
    content = f"{id_}.{sent}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
    if not any(hmac.compare_digest(wanted.encode(), each.encode()) for each in signatures.split()):
        raise NotGenuine("no signature is that of the secret")
    return id_
