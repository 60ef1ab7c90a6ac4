"""Call control from the console: what is asked, what proves that it happened, and transfers as things with a life."""
