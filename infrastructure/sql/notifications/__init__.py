"""Sinks and their dead letters in SQL."""
