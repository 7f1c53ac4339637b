"""What the platform's speed is, measured through its own programs on durable servers."""
