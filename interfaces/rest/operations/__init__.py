"""Shared locks and fences over HTTP."""
