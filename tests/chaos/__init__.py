"""The platform as it is run, treated badly: nodes, executors, PostgreSQL and Redis are killed, stopped and cut off."""
