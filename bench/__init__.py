"""Benchmarks: each module measures one promise beside its peers, on the same bytes and in the same run."""
