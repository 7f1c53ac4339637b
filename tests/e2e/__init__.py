"""The product as its users run it: real processes, real servers, killed in the middle."""
