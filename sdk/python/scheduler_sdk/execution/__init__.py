"""What happens to a task between its claim and its last report."""
