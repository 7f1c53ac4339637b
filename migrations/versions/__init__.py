"""The schema, change by change; a released one is never edited."""
