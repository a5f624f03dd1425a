"""Results and traces of steps in an OCI layout, so that another store need not run the steps."""
