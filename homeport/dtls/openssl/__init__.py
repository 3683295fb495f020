"""The system's OpenSSL behind typed values: the only package that touches cffi."""
