"""`python -m synthetic_focus`: the command line, where its script is not on the path."""

from synthetic_focus.cli import main

main()
