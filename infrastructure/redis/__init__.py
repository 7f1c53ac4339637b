"""Coordination between nodes through Redis: quick, and never believed."""
