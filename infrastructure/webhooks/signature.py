"""How what is sent is signed: by Standard Webhooks, with HMAC-SHA256."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """From the system's source of randomness."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(id_: str, timestamp: int, body: bytes, secrets_: Iterable[str]) -> dict[str, str]:
    """The headers of a delivery, with a signature by each of the secrets. `timestamp`: seconds since 1970."""
    content = f"{id_}.{timestamp}.".encode() + body
    signatures = (_signature(secret, content) for secret in secrets_)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()
