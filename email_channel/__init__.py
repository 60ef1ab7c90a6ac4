"""E-mail as a channel: not there yet."""
