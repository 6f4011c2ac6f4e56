"""Plain orders go straight through: decided, executed and booked without an event for each step.

The bus and its agents define what an order becomes. For the plainest orders, those at market without a
bracket, on spot, while nothing else is under way, all of that follows from a few numbers: whether the
strategy's wish is news, what sizing makes of it, whether risk has plenty of room, and what the venue makes
of the next candle. `StraightThrough` asks the agents for just these, by the very rules that they use, and
goes from such an order to the next. Record and books are the same to the bit. At the first thing that is
not plain the bus goes on.
"""
