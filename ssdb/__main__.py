"""``python -m ssdb``: the command line."""

from ssdb.cli import main

main(prog_name="python -m ssdb")
