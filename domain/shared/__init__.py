"""What every context shares: errors, events, aggregates, ids."""
