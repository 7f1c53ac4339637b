"""Every test of the platform; how they are kept apart is told in CONTRIBUTING.md."""
