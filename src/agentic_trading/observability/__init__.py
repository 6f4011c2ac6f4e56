"""What operators see of a running platform."""
