"""What every use case needs: a unit of work, the caller, ids, wake-ups."""
