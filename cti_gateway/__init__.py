"""Callweave's gateway: from the bytes of an Asterisk to events, and the program that wires all parts together."""

__version__ = "0.1.0"
