"""Events carried to addresses that users name."""
