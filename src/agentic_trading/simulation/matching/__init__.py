"""How orders on one symbol are taken, worked and executed inside a candle."""
