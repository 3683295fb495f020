"""The secret that every service of the tests shares."""

SECRET_KEY = "5e" * 32
