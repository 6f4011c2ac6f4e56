"""Looks for what makes a backtest lie: incomplete triggers, hidden state, look-ahead, chance."""
