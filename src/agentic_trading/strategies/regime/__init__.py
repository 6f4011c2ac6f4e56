"""What kind of market it is, and which strategies may enter in it."""
