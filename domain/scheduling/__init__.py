"""Jobs, their schedules and ledger, tasks, executors."""
