"""Benchmarks: each module measures one promise beside its peers, on the same bytes and in the same run."""

from cti_gateway import compiled

compiled.use()  # what `cti run` would use
