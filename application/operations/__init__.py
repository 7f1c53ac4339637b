"""Use cases of operations and of shared locks."""
