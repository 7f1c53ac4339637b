"""What scheduling needs of a store: repositories for one aggregate at a time, queues for sets."""
