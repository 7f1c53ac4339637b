"""Text that fits the limits of the wire."""

from __future__ import annotations

LINE_BYTES = 16 * 1024
MESSAGE_BYTES = 4 * 1024
STACK_BYTES = 16 * 1024

LINE_CUT = " … [line cut at 16 KiB]"


def bounded(text: str, limit: int, mark: str = " …") -> str:
    """`text` in at most `limit` bytes of UTF-8, with `mark` at the end of what was cut.

    What no store can hold, NUL and lone surrogates, is replaced.
    """
    raw = _encoded(text)
    if len(raw) <= limit:
        return raw.decode()
    return raw[: limit - len(mark.encode())].decode(errors="ignore") + mark


def bounded_tail(text: str, limit: int, mark: str = "… ") -> str:
    """Like `bounded`, but the end is kept."""
    raw = _encoded(text)
    if len(raw) <= limit:
        return raw.decode()
    return mark + raw[len(raw) - limit + len(mark.encode()) :].decode(errors="ignore")


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace").replace(b"\x00", b"\xef\xbf\xbd")  # U+FFFD
