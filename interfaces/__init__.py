"""Whatever calls the platform from outside: REST, command line, timers."""
