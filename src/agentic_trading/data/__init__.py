"""Market data: the history store, what fills it, what checks it, and the candle builder."""
