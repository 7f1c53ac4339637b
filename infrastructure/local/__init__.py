"""The coordination ports within one process: single-instance mode."""
