"""A laboratory with a real Asterisk: bootstrap, configuration, telephones, recorder, scenarios."""
