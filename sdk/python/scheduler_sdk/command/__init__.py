"""The job type COMMAND: a program as a process group, with its output in the log of the task."""
