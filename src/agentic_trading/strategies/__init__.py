"""What decides: the strategies, the regime model behind them, and the gate in front of their signals."""
