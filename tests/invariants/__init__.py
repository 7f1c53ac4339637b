"""What must hold of every run of the platform, however it is run and whatever happens to it."""
