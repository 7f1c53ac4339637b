"""Use cases of scheduling: managing jobs, planning fires, executing tasks, keeping the cluster."""
