"""What goes wrong outside the rules of the domain, in words that name no technology."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be reached, or did not answer in time. Nothing was done; the same call may be repeated.

    One exception: a connection that breaks during `commit` leaves open whether the commit took place.
    """

    code = "STORE_UNAVAILABLE"

    def __init__(self, why: str) -> None:
        super().__init__(f"The store is not available ({why}).")
