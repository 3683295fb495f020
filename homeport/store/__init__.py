"""Registration sessions, outboxes and leases in Redis, one script call a batch."""
