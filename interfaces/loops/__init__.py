"""Timers: a loop calls a use case again and again, as any other caller would."""
