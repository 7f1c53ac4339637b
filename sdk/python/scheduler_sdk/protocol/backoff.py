"""How long to wait before a call is made again."""

from __future__ import annotations

import random

FIRST = 0.1
LONGEST = 5.0
LONGEST_ASKED = 30.0


def pause(failures: int, asked: float = 0.0) -> float:
    """Seconds to wait after `failures` in a row: doubled each time, up to 5 s, the upper half of it by chance.

    `asked` is what the server's Retry-After says; up to 30 s of it are honoured.
    """
    doubled = min(LONGEST, FIRST * 2.0 ** min(failures - 1, 16))
    return max(doubled * random.uniform(0.5, 1.0), min(asked, LONGEST_ASKED))
