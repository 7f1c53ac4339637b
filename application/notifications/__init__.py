"""Use cases of telling others what has happened."""
