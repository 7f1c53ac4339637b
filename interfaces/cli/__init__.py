"""The command line: processes to start, and the REST API from a terminal."""
