"""The command line `crawl2chat`: a module for each group of commands, by what it needs."""

from flows.cli.entry import main

__all__ = ["main"]
