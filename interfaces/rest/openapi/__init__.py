"""The description of the API, and pages to read it."""
