"""Privacy: what a person may ask of the site (everything that is kept of her, and to be forgotten), and what the law
asks (how long, and what must stay)."""
