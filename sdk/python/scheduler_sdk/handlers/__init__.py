"""The job type PYTHON: functions registered under a name, called with the parameters of a task."""
