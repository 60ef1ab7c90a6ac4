"""Configuration: typed settings (`settings`), a documented sample, and sample files for Asterisk."""
