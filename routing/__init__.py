"""Decisions: who is asked, who is paused, what a console is shown. Pure: time is an argument, nothing does I/O."""
