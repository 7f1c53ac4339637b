"""Jobs, tasks and executors for people and their programs."""
