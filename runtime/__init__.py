"""From a plan to images: sources, store, snapshots, sandbox, cache, scheduler, exporters, command line."""
