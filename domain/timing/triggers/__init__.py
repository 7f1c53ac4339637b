"""The types of triggers, one file each."""
