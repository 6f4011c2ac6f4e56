"""How events travel: one external event and all it causes, breadth first, before the next."""
