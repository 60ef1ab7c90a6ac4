"""Chat with visitors of a web site: not there yet."""
