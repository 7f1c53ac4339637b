"""How often the interpreter looks for garbage cycles."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 20_000
"""Deciding 250 fires makes some ten thousand objects, none of them in a cycle; looking through the whole heap in the
middle
of it, as the default of 700 has it, doubled its time."""


def settle_memory() -> None:
    """To be called once everything is imported and built:

    what lives now will live on and need not be looked through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 20)
