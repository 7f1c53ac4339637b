"""The types of triggers as JSON, one file each."""
