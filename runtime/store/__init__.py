"""Content-addressed store: blobs, index, locks, leases, garbage collection."""
