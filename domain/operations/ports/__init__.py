"""What operations need from outside."""
