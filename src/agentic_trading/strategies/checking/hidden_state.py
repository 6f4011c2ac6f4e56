"""Does a strategy keep something outside ``ctx.memory``: do its answers depend on what was asked before?"""

from collections.abc import Sequence

from agentic_trading.strategies.checking.belongings import belongings
from agentic_trading.strategies.checking.ground import Finding, Ground, Make, spread
from agentic_trading.strategies.checking.stances import ONE_AGE, Probe, stances_of


def check_hidden_state(make: Make, grounds: Sequence[Ground]) -> list[Finding]:
    """What a strategy answers must not depend on which rows it was asked before, nor on which symbols.

    A new object walks forwards; another one walks backwards, with rows in between that nobody compares.
    On the way nothing that the strategy's code could write to may change; a name that is new is let
    pass, for a value computed once and kept is nobody's state.
    """
    asked: list[tuple[Ground, Probe, Probe, int]] = []
    ahead, back = make(), make()
    for ground in grounds:
        stances = stances_of(ground.instrument, ONE_AGE)
        one = [Probe(ahead, ground, stance) for stance in stances]
        two = [Probe(back, ground, stance) for stance in stances]
        for row in spread(ground.warm_rows):
            asked += [(ground, a, b, row) for a, b in zip(one, two, strict=True) if a.covers(row)]
    first: list[str] = []
    kept: dict[str, list[Finding]] = {}
    before = belongings(ahead)
    for ground, probe, _, row in asked:
        first.append(probe.ask_afresh(ground.vector(row), row).text)
        if ground.symbol in kept:
            continue  # One place is enough, and it may have grown large.
        after = belongings(ahead)
        changed = [
            f"{name} went from {_short(before[name])} to {_short(value)}; keep it in ctx.memory"
            for name, value in after.items()
            if before.get(name, value) != value
        ]
        if changed:
            kept[ground.symbol] = [_found(ground, row, probe, what) for what in changed]
        before = after
    differ: dict[str, Finding] = {}
    for number in reversed(range(len(asked))):
        ground, _, probe, row = asked[number]
        again = probe.ask_afresh(ground.vector(row), row).text
        if again != first[number]:
            what = f"answered {first[number]}; asked about other rows before: {again}"
            differ[ground.symbol] = _found(ground, row, probe, what)
        if number % 3 == 0:
            probe.ask_afresh(ground.vector(row), row)
    return [*(each for found in kept.values() for each in found), *differ.values()]


def _found(ground: Ground, row: int, probe: Probe, what: str) -> Finding:
    return Finding("hidden state", ground.symbol, ground.close_ns(row), probe.stance.name, what)


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
