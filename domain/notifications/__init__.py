"""What the rest of the world is told: the log of events, and the sinks that it is carried to."""
