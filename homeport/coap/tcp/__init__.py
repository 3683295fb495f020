"""CoAP over connections: RFC 8323, and what Izuma devices speak instead."""
