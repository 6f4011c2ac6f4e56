"""From approved order to venue and back: the order manager and its rules."""
