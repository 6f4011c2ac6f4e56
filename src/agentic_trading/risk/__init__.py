"""Limits, checks and breakers; the only mint of approved orders."""
