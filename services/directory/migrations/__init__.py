"""How the directory's schema came to be what it is, step by step."""
