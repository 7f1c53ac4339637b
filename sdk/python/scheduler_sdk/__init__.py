"""The SDK of the Platform Scheduler: a client for its REST API and a worker that runs its tasks."""
