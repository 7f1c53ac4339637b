"""Adapters: one room per technology, each with the contexts it serves."""
