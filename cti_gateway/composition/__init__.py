"""The composition root: who reads the configuration, makes every part of it and puts them together.

``cti_gateway.main`` is the entry; nobody else imports this package. One module for each topic, and
``program`` for the order in which they are started.
"""
