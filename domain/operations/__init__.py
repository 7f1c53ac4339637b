"""The platform's own upkeep, and the locks that it and its users share."""
