"""Reads crontabs, of users and of the system, into job documents; knows no files and no server."""
