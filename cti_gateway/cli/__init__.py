"""The command `cti`: one module for each command; `commands` has the whole command line."""
