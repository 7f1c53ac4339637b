"""The REST API: what calls the use cases over HTTP."""
