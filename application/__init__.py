"""Use cases: they know the domain and its ports, no technology."""
