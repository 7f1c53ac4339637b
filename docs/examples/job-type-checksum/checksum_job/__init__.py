"""The job type CHECKSUM: the digest of a file on an executor."""
