"""The market model, pure: matching, fees, slippage, latency, funding."""
