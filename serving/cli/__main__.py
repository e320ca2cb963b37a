"""`python -m serving.cli` is `duecourse`."""

from serving.cli import main

main(prog_name="duecourse")
