"""What notifications need of the outside."""
