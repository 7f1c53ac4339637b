"""`python -m bootstrap` is the command `scheduler`."""

from bootstrap.main import main

main()
