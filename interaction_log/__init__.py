"""The one interaction log: its event vocabulary, its projections, customers, and the store that keeps them."""
