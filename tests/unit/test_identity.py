"""What makes a run the same run: one seed for all that is drawn, and what else decides."""

from typing import Any

import pytest

from agentic_trading.identity import inputs_sha256
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.market import market_models
from venue_market import PERPETUAL, instrument


def settings(backtest: dict[str, Any], simulation: dict[str, Any]) -> AppSettings:
    return AppSettings.model_validate({"backtest": backtest, "simulation": simulation})


@pytest.mark.parametrize(("run", "own", "drawn"), [(7, None, 7), (8, None, 8), (8, 3, 3), (8, 0, 0)])
def test_one_seed_is_enough(run: int, own: int | None, drawn: int) -> None:
    """The venue draws from the run's seed unless it is given one of its own, and zero is one."""
    chosen = settings({"seed": run}, {"seed": own})
    (model,) = market_models({PERPETUAL: instrument()}, chosen.simulation, chosen.backtest.seed).values()
    assert model.seed == drawn


def test_the_same_seeds_are_the_same_inputs() -> None:
    """Whether the venue's seed is named or taken from the run, the digest knows only what is drawn from."""
    digests = [
        inputs_sha256(settings({"seed": run}, {"seed": own}), "data")
        for run, own in ((7, None), (7, 7), (8, None), (8, 8), (8, 7))
    ]
    assert digests[0] == digests[1]
    assert digests[2] == digests[3]
    assert len({*digests}) == 3


def test_how_much_there_is_to_pay_fees_with_decides() -> None:
    """Another stock of the fee asset is another run."""
    stock = {"fee_asset": "BNB", "fee_asset_price": 600.0, "fee_asset_quantity": 1}
    digests = [
        inputs_sha256(settings({}, more), "data")
        for more in ({}, stock, stock | {"fee_asset_quantity": 2}, stock | {"fee_asset_quantity": "2.0"})
    ]
    assert len({*digests}) == 3
    assert digests[2] == digests[3]
