"""Scheduling in the store."""
