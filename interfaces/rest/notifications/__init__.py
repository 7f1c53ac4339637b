"""Events and sinks over HTTP."""
