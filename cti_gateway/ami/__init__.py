"""The Asterisk manager interface: codec, encoder, actions and session. Pure: no sockets, no clocks."""
