"""Searching over parameters: which sets are tried, and how many of them run at once."""
