"""Which devices exist, who owns them, what they may present, what is known of them.

Consumes: device.bootstrapping, device.bootstrapped, bootstrap.failed,
    device.registered, registration.updated, device.deregistered,
    registration.expired, registration.refused, queue.cleared, request.completed
Publishes: nothing
Stores: tables accounts, api_keys, devices, device_events, device_groups,
    device_group_members, device_queries, device_enrollments, unclaimed_devices,
    enrollment_tasks, enrollment_task_rows, authorities, former_authorities,
    trusted_certificates, developer_certificates, device_shared_keys,
    certificate_enrollments, certificate_issuer_configurations,
    object_definitions, bootstrap_configurations, trust_changes and trust_generation of
    the schema directory in PostgreSQL; the trust view in Redis, and which devices may
    not register
"""
