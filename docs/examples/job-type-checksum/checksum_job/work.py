"""What a worker does for the type: a plain function, called like any handler."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from scheduler_sdk.context import TaskContext
from scheduler_sdk.errors import NonRetryable


def checksum(
    context: TaskContext, path: str, algorithm: Literal["sha256", "sha512", "blake2b"] = "sha256"
) -> dict[str, object]:
    """`{"digest", "bytes"}`. A missing file is no reason to try again."""
    file = Path(path)
    if not file.is_file():
        raise NonRetryable(f"there is no file {path}", code="FILE_NOT_FOUND")
    size = file.stat().st_size
    digest, done = hashlib.new(algorithm), 0
    with file.open("rb") as content:
        while chunk := content.read(1024 * 1024):
            context.raise_if_stopping()
            digest.update(chunk)
            done += len(chunk)
            context.progress(min(1.0, done / max(size, 1)))
    return {"digest": digest.hexdigest(), "bytes": done}
