"""CoAP (RFC 7252): a message layer without input or output, and its transports."""
