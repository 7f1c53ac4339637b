"""Failures that are alike: what of an error stays the same from one task to the next."""

from __future__ import annotations

import hashlib
import re

_FRAME = re.compile(r'^\s*File "(?P<file>[^"]*)", line \d+, in (?P<function>.+?)\s*$', re.MULTILINE)
"""A line of a Python traceback. Line numbers move with every release, files and functions seldom."""

_LAST_FRAMES = 5
"""The innermost frames tell where it broke; the outer ones are the worker's and the framework's."""

_MASKS = (
    (re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`"), "<text>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:[.,:]\d+)+|\d{4,}"), "<number>"),
)
"""What differs between two cases of one failure. Short numbers stay: exit code 2 is not exit code 137."""

_PLACES = re.compile(r"[/\\]")
_LONGEST = 2_000


def fingerprint(code: str, message: str, stack: str | None) -> str:
    """16 hexadecimal digits, equal for errors of one `code` that come from one place, or that say the same.

    With a Python traceback the place counts, not the message; without one the message, but for ids, quoted text, long
    numbers and times in it.
    """
    frames = _FRAME.findall(stack or "")[-_LAST_FRAMES:]
    if frames:
        said = "\n".join(f"{_PLACES.split(file)[-1]}:{function}" for file, function in frames)
    else:
        said = message[:_LONGEST].strip().partition("\n")[0]
        for pattern, mask in _MASKS:
            said = pattern.sub(mask, said)
    return hashlib.blake2b(f"{code}\0{said}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
