"""Wiring: settings, the container, what opens and closes, the programs."""
