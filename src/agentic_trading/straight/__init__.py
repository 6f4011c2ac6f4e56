"""Plain orders go straight through: decided, executed and booked by the stretch, not event by event.

The bus and its agents define what an order becomes. For the plainest orders, those at market without a
bracket, on spot, while nothing else is under way, all of that follows from a few numbers. So strategies are
asked ahead, as if each such order were executed by the next candle (`asking`); one compiled call sizes the
orders, judges them, executes them and marks the rows around them (`carrying`, `kernel`); then they are
recorded and booked together (`booking`). Record and books are the same to the bit. At the first thing that is
not plain the bus goes on (`through`).
"""
