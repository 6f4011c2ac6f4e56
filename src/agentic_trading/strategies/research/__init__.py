"""Experiments: not discovered, not shipped; run one with ``--strategy-path`` pointing here."""
