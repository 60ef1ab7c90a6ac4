"""What the servers of agents' and of visitors' browsers have in common."""
