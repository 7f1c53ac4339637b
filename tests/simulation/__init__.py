"""The platform in one process and virtual time: a seed decides all that happens, and the same seed the same."""
