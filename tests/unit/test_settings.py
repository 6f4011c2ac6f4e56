"""Laws of the platform's settings: the files that come along, the sections, and ``config``."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agentic_trading import settings as settings_module
from agentic_trading.commands.config import config
from agentic_trading.core.config import Loaded, to_toml
from agentic_trading.core.enums import Market, Regime, Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.sizing import FixedFraction, FixedQuantity, VolatilityTarget
from agentic_trading.risk.limits import RiskSettings, SafeModeSettings, constrain, refuse_excess_symbols
from agentic_trading.settings import AppSettings, Mode, config_folder, load_settings
from agentic_trading.simulation.settings import SimulationSettings, fee_rates

ROOT = Path(__file__).parents[2]

SEED_BLOCK = """
[[strategies]]
strategy_id = "my_strategy"
enabled = true
timeframes = ["5m", "1h"]
max_position_pct = 0.05

[strategies.params]
my_param = 42
"""


def load_text(tmp_path: Path, text: str, mode: Mode | None = None) -> Loaded[AppSettings]:
    (tmp_path / "mine.toml").write_text(text)
    return load_settings(mode, [Path("mine.toml")], folder=tmp_path)


def refusal(tmp_path: Path, text: str, mode: Mode | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text, mode)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["backtest", "paper", "live"])
def test_the_files_that_come_along_decode_in_every_mode(mode: Mode) -> None:
    """Each mode starts from the shipped files, with the three strategies and nothing replaced."""
    loaded = load_settings(mode, folder=ROOT)
    assert loaded.settings.mode == mode
    assert loaded.origins["mode"] == f"configs/{mode}.toml:2"
    assert [item.strategy_id for item in loaded.settings.strategies] == [
        "trend_following",
        "mean_reversion",
        "breakout",
    ]
    assert loaded.notes == ()


def test_the_default_file_says_what_the_models_say() -> None:
    """``default.toml`` only spells the built-in defaults, so both always tell the same."""
    bare = AppSettings()
    spelled = AppSettings.model_validate(tomllib.loads((ROOT / "configs" / "default.toml").read_text()))
    assert spelled == bare


def test_strategy_parameters_in_the_shipped_file_are_accepted_by_the_strategies() -> None:
    """Each block of ``strategies.toml`` names a strategy that takes its parameters as they stand."""
    registry = pytest.importorskip("agentic_trading.strategies.registry")
    for item in load_settings("backtest", folder=ROOT).settings.strategies:
        assert (
            registry.create(item.strategy_id, item.params).params.model_dump().items() >= item.params.items()
        )


def test_the_block_of_the_manual_decodes(tmp_path: Path) -> None:
    """The strategy block and the safe mode block of the manual are accepted as they stand."""
    safe = "[safe_mode]\nenabled = true\nmax_symbols = 3\nmax_leverage = 2\nposition_size_multiplier = 0.25\n"
    settings = load_text(tmp_path, safe + SEED_BLOCK).settings
    (strategy,) = settings.strategies
    assert (strategy.strategy_id, strategy.enabled, strategy.max_position_pct) == ("my_strategy", True, 0.05)
    assert strategy.timeframes == (Timeframe.M5, Timeframe.H1)
    assert strategy.params == {"my_param": 42}
    assert settings.safe_mode == load_settings("live", folder=ROOT).settings.safe_mode


def test_a_file_of_another_mode_is_refused(tmp_path: Path) -> None:
    """A mode that contradicts the command is refused wherever it stands, naming the place."""
    assert 'mine.toml:1: mode = "live" but the command is backtest' in refusal(
        tmp_path, 'mode = "live"', "backtest"
    )
    with pytest.raises(ConfigError, match="environment TRADING_MODE: mode"):
        load_settings("paper", environ={"TRADING_MODE": "live"}, folder=ROOT)
    with pytest.raises(ConfigError, match="--set mode: mode"):
        load_settings("paper", assignments=["mode=live"], folder=ROOT)
    assert load_text(tmp_path, 'mode = "live"').settings.mode == "live"
    assert load_text(tmp_path, "", "paper").origins["mode"] == "command paper"


def test_files_beside_the_first_one_are_loaded_in_order(tmp_path: Path) -> None:
    """``default``, mode files in their order, ``strategies``, ``instruments``: the later wins."""
    folder = tmp_path / "sub"
    folder.mkdir()
    for name, age in (("default", 3), ("one", 4), ("strategies", 5), ("instruments", 6)):
        (folder / f"{name}.toml").write_text(f"[risk]\nmax_data_age_candles = {age}\n")
    (tmp_path / "two.toml").write_text("[risk]\nmax_data_age_candles = 7\n")
    files = [Path("sub/one.toml"), Path("two.toml")]

    def age_and_origin() -> tuple[int, str]:
        loaded = load_settings(None, files, folder=tmp_path)
        return loaded.settings.risk.max_data_age_candles, loaded.origins["risk.max_data_age_candles"]

    assert age_and_origin() == (6, "sub/instruments.toml:2")
    (folder / "instruments.toml").unlink()
    assert age_and_origin() == (5, "sub/strategies.toml:2")
    (folder / "strategies.toml").unlink()
    assert age_and_origin() == (7, "two.toml:2")
    (tmp_path / "two.toml").write_text("")
    assert age_and_origin() == (4, "sub/one.toml:2")
    (folder / "one.toml").write_text("")
    assert age_and_origin() == (3, "sub/default.toml:2")


def test_settings_are_found_in_the_folder_then_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder's own ``configs/`` wins; a wheel brings ``_configs``; a checkout has its ``configs/``."""
    assert config_folder(tmp_path) == ROOT / "configs"
    package = tmp_path / "site" / "agentic_trading"
    (package / "_configs").mkdir(parents=True)
    monkeypatch.setattr(settings_module, "__file__", str(package / "settings.py"))
    with pytest.raises(ConfigError, match="install it again"):
        config_folder(tmp_path)
    (package / "_configs" / "default.toml").write_text("")
    assert config_folder(tmp_path) == package / "_configs"
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.toml").write_text("")
    assert config_folder(tmp_path) == tmp_path / "configs"


def test_environment_wins_over_dotenv_and_knows_its_own_names(tmp_path: Path) -> None:
    """``.env`` is below the environment; addresses and credentials are no settings; typos are refused."""
    (tmp_path / ".env").write_text("TRADING_BACKTEST__SEED=1\nTRADING_RISK__MAX_ORDER_PCT=0.2\n")
    environ = {
        "TRADING_BACKTEST__SEED": "2",
        "TRADING_POSTGRES_URL": "postgresql://u:p@host/db",
        "TRADING_REDIS_URL": "redis://host",
        "TRADING_BINANCE_API_KEY": "k",
        "TRADING_BYBIT_SECRET": "s",
        "TRADING_MY_OWN_NAME": "k",
    }
    (tmp_path / "mine.toml").write_text(
        '[[exchanges]]\nname = "bybit"\napi_key_env = "TRADING_MY_OWN_NAME"\n'
    )
    loaded = load_settings("paper", [Path("mine.toml")], environ=environ, folder=tmp_path)
    assert loaded.settings.backtest.seed == 2
    assert loaded.origins["backtest.seed"] == "environment TRADING_BACKTEST__SEED"
    assert loaded.origins["risk.max_order_pct"] == ".env TRADING_RISK__MAX_ORDER_PCT"
    for name, near in (("TRADING_POSTGRES_ULR", "TRADING_POSTGRES_URL"), ("TRADING_RISC__X", "risk")):
        with pytest.raises(ConfigError, match=f"environment {name}: .*{near}"):
            load_settings("paper", environ={name: "1"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "[simulation]\nleverage = 300",
            ["mine.toml:2", "leverage"],
        ),
        ("[risk]\nmax_position_pct = 5", ["5 means 500 %; for 5 % write 0.05"]),
        ("[simulation]\nlatency_ms = 0.25", ["simulation.latency_ms must be a whole number", "milliseconds"]),
        (
            "[portfolio.sizing]\nmethod = 'kelly'",
            ['"kelly" is not built yet', "fixed_quantity, fixed_fraction"],
        ),
        ("[backtest]\ntimeframe = '7m'", ['backtest.timeframe must be one of "1m"', 'not "7m"']),
        ("[backtest]\ntimerange = '20240630-20240101'", ["the end after the start"]),
        ("[backtest]\ntimerange = '20240230-'", ["YYYYMMDD-YYYYMMDD"]),
        (
            SEED_BLOCK.replace('"5m", "1h"', '"1h", "5m"'),
            ["strategies.my_strategy.timeframes", '["5m", "1h"]'],
        ),
        (SEED_BLOCK.replace('"5m", "1h"', ""), ["strategies.my_strategy.timeframes must have at least 1"]),
        (SEED_BLOCK + SEED_BLOCK, ['two blocks with strategy_id = "my_strategy"']),
        ("whitelist = []", ["did you mean universe.whitelist?"]),
        (
            "[[exchanges]]\nname = 'binance'\nsecret_env = 'aB3xSECRETx9'",
            ["must be the name of an environment"],
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_the_users_words(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    """Section rules are told with place, key, what is wrong and what would be right."""
    message = refusal(tmp_path, text)
    assert all(part in message for part in parts), message
    assert "aB3xSECRETx9" not in message


def test_sizing_is_told_apart_by_its_method(tmp_path: Path) -> None:
    """Each method decodes to its own model, for the account and for a strategy."""
    block = SEED_BLOCK.replace(
        "[strategies.params]", "sizing = {method = 'fixed_quantity', quantity = '0.01'}"
    )
    text = "[portfolio]\nsizing = {method = 'volatility_target'}\n" + block.replace("my_param = 42", "")
    settings = load_text(tmp_path, text).settings
    assert settings.portfolio.sizing == VolatilityTarget()
    assert settings.strategies[0].sizing == FixedQuantity(quantity=Decimal("0.01"))
    assert AppSettings().portfolio.sizing == FixedFraction(fraction=0.1)


def test_optional_lists_of_a_strategy_decode(tmp_path: Path) -> None:
    """Symbols and regimes narrow a strategy; absent they are None, which means all."""
    text = SEED_BLOCK.replace(
        "[strategies.params]", 'regimes = ["trending"]\nsymbols = ["BTC/USDT"]\n[strategies.params]'
    )
    (narrow,) = load_text(tmp_path, text).settings.strategies
    assert (narrow.regimes, narrow.symbols) == ((Regime.TRENDING,), ("BTC/USDT",))
    (wide,) = load_text(tmp_path, SEED_BLOCK).settings.strategies
    assert (wide.regimes, wide.symbols, wide.on_gap) == (None, None, "hold")


def test_safe_mode_only_ever_tightens() -> None:
    """Enabled, no limit is above its cap or above what was given; disabled, nothing changes."""
    limits = RiskSettings(max_gross_exposure=3.0)
    assert constrain(limits, SafeModeSettings(max_leverage=0.5)) is limits
    tight = constrain(limits, SafeModeSettings(enabled=True, max_leverage=0.5))
    assert (tight.max_leverage, tight.max_gross_exposure) == (0.5, 0.5)
    loose = constrain(limits, SafeModeSettings(enabled=True, max_leverage=5.0))
    assert (loose.max_leverage, loose.max_gross_exposure) == (1.0, 3.0)
    assert (SafeModeSettings().size_factor, SafeModeSettings(enabled=True).size_factor) == (1.0, 0.25)


def test_safe_mode_refuses_too_many_symbols_by_name() -> None:
    """More symbols than safe mode allows refuse to start, naming them; as many as allowed do not."""
    symbols = ["A/USDT", "B/USDT", "C/USDT", "D/USDT"]
    with pytest.raises(
        ConfigError, match="allows 3 symbols but 4 are configured: A/USDT, B/USDT, C/USDT, D/USDT"
    ):
        refuse_excess_symbols(symbols, SafeModeSettings(enabled=True))
    refuse_excess_symbols(symbols[:3], SafeModeSettings(enabled=True))
    refuse_excess_symbols(symbols, SafeModeSettings(enabled=False))


@pytest.mark.parametrize(
    ("venue", "market", "given", "rates"),
    [
        ("binance", Market.SPOT, {}, ("0.001", "0.001")),
        ("binance", Market.LINEAR, {}, ("0.0002", "0.0005")),
        ("bybit", Market.SPOT, {}, ("0.001", "0.001")),
        ("bybit", Market.LINEAR, {}, ("0.0002", "0.00055")),
        ("sample", Market.SPOT, {}, ("0.001", "0.001")),
        ("bybit", Market.LINEAR, {"taker_fee_bps": 3.5}, ("0.0002", "0.00035")),
        ("elsewhere", Market.SPOT, {"maker_fee_bps": 0.0, "taker_fee_bps": 1.0}, ("0", "0.0001")),
    ],
)
def test_fees_are_exact_ratios(
    venue: str, market: Market, given: dict[str, float], rates: tuple[str, str]
) -> None:
    """Fee rates are the venue's public base tier unless given, as exact decimals."""
    assert fee_rates(venue, market, SimulationSettings(**given)) == (Decimal(rates[0]), Decimal(rates[1]))


def test_fees_of_an_unknown_venue_are_asked_for() -> None:
    """No fee is invented: half a pair is as unknown as none."""
    for given in (SimulationSettings(), SimulationSettings(maker_fee_bps=1.0)):
        with pytest.raises(ConfigError, match="fees of elsewhere spot are not known"):
            fee_rates("elsewhere", Market.SPOT, given)


def test_effective_settings_read_back_as_they_were() -> None:
    """The TOML written beside a result decodes to the settings it was made with."""
    settings = load_settings("live", folder=ROOT).settings
    assert AppSettings.model_validate(tomllib.loads(to_toml(settings))) == settings


def test_an_absent_value_always_means_the_default() -> None:
    """TOML has no null, so a field that may be None has None as its default, in every section."""

    def check(document: dict[str, Any]) -> int:
        found = 0
        for field in document.get("properties", {}).values():
            if {"type": "null"} in field.get("anyOf", []):
                assert field["default"] is None, field
                found += 1
        return found

    document = AppSettings.model_json_schema()
    assert check(document) + sum(check(part) for part in document["$defs"].values()) >= 5


def test_config_show_tells_value_and_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms of ``config show`` tell the value that won and where it came from, and never a secret."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TRADING_BINANCE_SECRET", "hunter2")
    arguments = ["show", "--mode", "live", "--set", "risk.max_order_pct=0.125"]
    shown = CliRunner().invoke(config, [*arguments, "--json"], catch_exceptions=False)
    document = json.loads(shown.stdout)
    assert document["settings"]["risk"]["max_order_pct"] == 0.125
    assert document["origins"]["risk.max_order_pct"] == "--set risk.max_order_pct"
    assert document["origins"]["exchanges.binance.secret_env"].startswith("configs/live.toml:")
    table = CliRunner().invoke(config, arguments, catch_exceptions=False)
    rows = [line.split() for line in table.stdout.splitlines()]
    assert ["risk.max_order_pct", "0.125", "--set", "risk.max_order_pct"] in rows
    assert ["risk.max_drawdown_pct", "0.25", document["origins"]["risk.max_drawdown_pct"]] in rows
    assert "hunter2" not in shown.output + table.output


def test_config_schema_describes_every_setting() -> None:
    """The schema is JSON and every setting in it is described, by itself or by its section."""
    document = json.loads(CliRunner().invoke(config, ["schema"], catch_exceptions=False).stdout)
    assert set(document["properties"]) == set(AppSettings.model_fields)
    silent = [
        f"{name}.{key}"
        for name, part in document["$defs"].items()
        for key, field in part.get("properties", {}).items()
        if "description" not in field and "const" not in field and "description" not in part
    ]
    assert silent == []
