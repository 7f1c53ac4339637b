"""The job types that are always there."""
