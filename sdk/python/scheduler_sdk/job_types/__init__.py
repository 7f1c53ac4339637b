"""Job types besides COMMAND and PYTHON: each is a function that is called like a handler."""
