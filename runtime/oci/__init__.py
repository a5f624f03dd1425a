"""Documents of the OCI image spec: digests, descriptors, manifests, platforms, validation."""
