"""The books: exact ledger, what is settled and working, equity and sizing."""
