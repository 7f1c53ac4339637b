"""What operators and their probes ask, under the paths that Spring Boot made customary."""
