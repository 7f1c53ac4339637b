"""When things happen: durations, cron, local time and triggers; a kernel that jobs and operations share."""
