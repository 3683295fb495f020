"""DTLS and TLS: OpenSSL shakes hands, the DTLS records are ours (docs/adr/0006)."""
