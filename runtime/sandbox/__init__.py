"""Run one program in a container on a prepared root file system."""
