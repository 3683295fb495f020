"""How the notifier's schema came to be what it is, step by step."""
