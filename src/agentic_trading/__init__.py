"""Event-driven crypto trading: the strategy that was tested is the one that trades."""
