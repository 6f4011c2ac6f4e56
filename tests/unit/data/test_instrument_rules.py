"""Rules of instruments from the venues' documents: what is read, what is kept, what is refused and how."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import HOUR_NS, Market, MarketStatus
from agentic_trading.core.errors import CorruptData, MissingData, TradingError, UsageError
from agentic_trading.core.models import Halt, Instrument, MarginTier, PriceBand
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.instruments import builtin_instrument, load_instrument, save_instrument
from agentic_trading.data.rules import import_rules
from agentic_trading.data.rules.fields import plain
from market_files import real_file

D = Decimal
BTC, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"
SEEN_MS = 1_700_000_000_000

# Hand-made documents of the documented shapes, with other numbers than any built-in rule has.
SPOT = {
    "serverTime": SEEN_MS,
    "symbols": [
        {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.05000000"},
                {"filterType": "LOT_SIZE", "stepSize": "0.00200000", "minQty": "0.00400000", "maxQty": "90"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "70.5", "stepSize": "0"},
                {"filterType": "NOTIONAL", "minNotional": "7.00000000"},
                {
                    "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "1.3",
                    "bidMultiplierDown": "0.2", "askMultiplierUp": "5", "askMultiplierDown": "0.8",
                },
            ],
        }
    ],
}  # fmt: skip
FUTURES = {
    "serverTime": SEEN_MS,
    "symbols": [
        {
            "symbol": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
            "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT",
            "liquidationFee": "0.012500",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.50"},
                {"filterType": "LOT_SIZE", "stepSize": "0.002", "minQty": "0.004", "maxQty": "500"},
                {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.002", "minQty": "0.004", "maxQty": "60"},
                {"filterType": "MIN_NOTIONAL", "notional": "50"},
                {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
            ],
        },
        {
            "symbol": "BTCUSDT_240628", "contractType": "CURRENT_QUARTER", "marginAsset": "USDT",
            "baseAsset": "BTC", "quoteAsset": "USDT",
        },
    ],
}  # fmt: skip
BRACKETS = [
    {
        "symbol": "BTCUSDT",
        "brackets": [
            {
                "bracket": 1, "initialLeverage": 75, "notionalCap": 10000, "notionalFloor": 0,
                "maintMarginRatio": 0.0065, "cum": 0.0,
            },
            {
                "bracket": 2, "initialLeverage": 50, "notionalCap": 90000, "notionalFloor": 10000,
                "maintMarginRatio": 0.01, "cum": 35.0,
            },
        ],
    },
    {"symbol": "BTCUSDT_240628", "brackets": []},
]  # fmt: skip
BYBIT_SPOT = {
    "time": SEEN_MS,
    "result": {
        "category": "spot",
        "list": [
            {
                "symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading",
                "lotSizeFilter": {
                    "basePrecision": "0.000002", "minOrderQty": "0.00004", "maxOrderQty": "71.7",
                    "minOrderAmt": "1", "maxOrderAmt": "2000000",
                },
                "priceFilter": {"tickSize": "0.02"},
                "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.03"},
            }
        ],
    },
}  # fmt: skip
BYBIT_LINEAR = {
    "time": SEEN_MS,
    "result": {
        "category": "linear",
        "list": [
            {
                "symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading",
                "baseCoin": "BTC", "quoteCoin": "USDT", "settleCoin": "USDT", "deliveryTime": "0",
                "fundingInterval": 240,
                "priceFilter": {"minPrice": "0.10", "tickSize": "0.20"},
                "lotSizeFilter": {
                    "maxOrderQty": "1190", "minOrderQty": "0.003", "qtyStep": "0.003",
                    "maxMktOrderQty": "500", "minNotionalValue": "6",
                },
                "riskParameters": {"priceLimitRatioX": "0.02", "priceLimitRatioY": "0.04"},
            },
            {
                "symbol": "BTC-27DEC24", "contractType": "LinearFutures", "baseCoin": "BTC",
                "quoteCoin": "USDT",
            },
        ],
    },
}  # fmt: skip
RISK_LIMIT = {
    "result": {
        "list": [
            {
                "id": 2, "symbol": "BTCUSDT", "riskLimitValue": "2000000", "maintenanceMargin": "0.005",
                "initialMargin": "0.01", "maxLeverage": "100.00", "mmDeduction": "510",
            },
            {
                "id": 1, "symbol": "BTCUSDT", "riskLimitValue": "300000", "maintenanceMargin": "0.0033",
                "initialMargin": "0.0066", "maxLeverage": "150.00", "mmDeduction": "",
            },
        ]
    }
}  # fmt: skip
CCXT = {
    PERPETUAL: {
        "symbol": PERPETUAL, "base": "BTC", "quote": "USDT", "settle": "USDT", "spot": False, "swap": True,
        "linear": True, "active": True, "contractSize": 0.01, "precision": {"amount": 1.0, "price": 0.1},
        "limits": {"amount": {"min": 1.0, "max": 1000.0}, "cost": {"min": 5.0, "max": None}},
    },
    "BTC/USD:BTC": {
        "symbol": "BTC/USD:BTC", "base": "BTC", "quote": "USD", "settle": "BTC", "spot": False, "swap": True,
        "linear": False, "precision": {"amount": 1.0, "price": 0.5}, "limits": {},
    },
}  # fmt: skip
CCXT_TIERS = {
    PERPETUAL: [
        {"tier": 1, "maxNotional": 1000, "maintenanceMarginRate": 0.01, "maxLeverage": 50},
        {"tier": 2, "maxNotional": None, "maintenanceMarginRate": 0.02, "maxLeverage": 25},
    ]
}


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def imported(store: HistoryStore, document: Any, symbol: str, exchange: str | None = None) -> Instrument:
    path = written(store.root.parent / "rules.json", document)
    venue = import_rules(path, store, symbols=[symbol], exchange=exchange).exchange
    return load_instrument(store, venue, symbol)


# --- what is read ----------------------------------------------------------------------------------


def test_binance_spot(store: HistoryStore) -> None:
    """Every rule of a spot exchangeInfo arrives; of the band by side, the bounds through the market."""
    assert imported(store, SPOT, BTC) == Instrument(
        "binance", BTC, Market.SPOT, "BTC", "USDT", D("0.05"), D("0.002"), D("0.004"), D(7),
        max_quantity=D(90), max_market_quantity=D("70.5"), price_band=PriceBand(D("0.8"), D("1.3")),
    )  # fmt: skip


def test_binance_futures(store: HistoryStore) -> None:
    """Every rule of a futures exchangeInfo arrives, and the margin table stays as it was known."""
    known = load_instrument(store, "binance", PERPETUAL)
    assert known.tiers
    assert imported(store, FUTURES, PERPETUAL) == Instrument(
        "binance", PERPETUAL, Market.LINEAR, "BTC", "USDT", D("0.5"), D("0.002"), D("0.004"), D(50),
        max_quantity=D(500), max_market_quantity=D(60), price_band=PriceBand(D("0.95"), D("1.05")),
        tiers=known.tiers, liquidation_fee_ratio=D("0.0125"), funding_interval_ns=8 * HOUR_NS,
    )  # fmt: skip


def test_binance_brackets(store: HistoryStore) -> None:
    """A leverageBracket replaces the margin table and nothing else; a single answer is read like a list."""
    known = load_instrument(store, "binance", PERPETUAL)
    expected = msgspec.structs.replace(
        known,
        tiers=(
            MarginTier(D(0), D(10000), D("0.0065"), D(0), D(75)),
            MarginTier(D(10000), D(90000), D("0.01"), D(35), D(50)),
        ),
    )
    assert imported(store, BRACKETS, PERPETUAL) == expected
    assert imported(store, BRACKETS[0], PERPETUAL) == expected


def test_bybit_spot(store: HistoryStore) -> None:
    """Every rule of a spot instruments-info arrives."""
    assert imported(store, BYBIT_SPOT, BTC) == Instrument(
        "bybit", BTC, Market.SPOT, "BTC", "USDT", D("0.02"), D("0.000002"), D("0.00004"), D(1),
        max_quantity=D("71.7"), price_band=PriceBand(D("0.97"), D("1.03")),
    )  # fmt: skip


def test_bybit_linear(store: HistoryStore) -> None:
    """Every rule of a linear instruments-info arrives; the funding interval is in minutes."""
    known = load_instrument(store, "bybit", PERPETUAL)
    assert imported(store, BYBIT_LINEAR, PERPETUAL) == Instrument(
        "bybit", PERPETUAL, Market.LINEAR, "BTC", "USDT", D("0.2"), D("0.003"), D("0.003"), D(6),
        max_quantity=D(1190), max_market_quantity=D(500), price_band=PriceBand(D("0.96"), D("1.04")),
        tiers=known.tiers, funding_interval_ns=4 * HOUR_NS,
    )  # fmt: skip


@pytest.mark.parametrize("percent", [False, True])
def test_bybit_risk_limits(store: HistoryStore, percent: bool) -> None:
    """A risk-limit is read in any order of rows, with rates as ratios or as percent."""
    document = json.loads(json.dumps(RISK_LIMIT))
    if percent:
        for row in document["result"]["list"]:
            for name in ("maintenanceMargin", "initialMargin"):
                row[name] = str(D(row[name]) * 100)
    assert imported(store, document, PERPETUAL).tiers == (
        MarginTier(D(0), D(300000), D("0.0033"), D(0), D(150)),
        MarginTier(D(300000), D(2000000), D("0.005"), D(510), D(100)),
    )


@pytest.mark.parametrize("as_list", [False, True])
def test_ccxt_markets(store: HistoryStore, as_list: bool) -> None:
    """A ccxt dump gives quantities in base currency: contracts times their size."""
    document = list(CCXT.values()) if as_list else CCXT
    assert imported(store, document, PERPETUAL, "kraken") == Instrument(
        "kraken", PERPETUAL, Market.LINEAR, "BTC", "USDT", D("0.1"), D("0.01"), D("0.01"), D(5),
        max_quantity=D(10), contract_size=D("0.01"),
    )  # fmt: skip


def test_ccxt_precision_in_decimals(store: HistoryStore) -> None:
    """A dump of an old ccxt counts decimals where a new one gives steps."""
    market = CCXT[PERPETUAL] | {"precision": {"amount": 3, "price": 1}, "contractSize": 1}
    rules = imported(store, {PERPETUAL: market}, PERPETUAL, "kraken")
    assert (rules.tick, rules.lot, rules.contract_size) == (D("0.1"), D("0.001"), D(1))


def test_ccxt_leverage_tiers(store: HistoryStore) -> None:
    """Leverage tiers without deductions get those that join the steps."""
    assert imported(store, CCXT_TIERS, PERPETUAL, "binance").tiers == (
        MarginTier(D(0), D(1000), D("0.01"), D(0), D(50)),
        MarginTier(D(1000), None, D("0.02"), D(10), D(25)),
    )


def changed(document: Any, *path: Any, to: Any) -> Any:
    """A copy of a document with one value replaced, or removed if ``to`` is None."""
    copy = json.loads(json.dumps(document))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return copy


def test_halts_and_delistings_are_dated(store: HistoryStore) -> None:
    """A market seen not trading is halted from then on; a contract that ended is delisted at its end."""
    seen_ns = SEEN_MS * 1_000_000
    spot = imported(store, changed(SPOT, "symbols", 0, "status", to="BREAK"), BTC)
    assert spot.halts == (Halt(seen_ns),)
    assert spot.status_at(seen_ns - 1) is MarketStatus.TRADING
    assert spot.status_at(seen_ns) is MarketStatus.HALTED
    over = changed(FUTURES, "symbols", 0, "deliveryDate", to=SEEN_MS)
    ended = imported(store, changed(over, "symbols", 0, "status", to="SETTLING"), PERPETUAL)
    assert (ended.delisted_ns, ended.halts) == (seen_ns, ())
    assert ended.status_at(seen_ns - 1) is MarketStatus.TRADING
    assert ended.status_at(seen_ns) is MarketStatus.DELISTED
    closed = changed(BYBIT_LINEAR, "result", "list", 0, "status", to="Closed")
    closed = changed(closed, "result", "list", 0, "deliveryTime", to=str(SEEN_MS))
    assert imported(store, closed, PERPETUAL).delisted_ns == seen_ns


def test_a_halt_ends(store: HistoryStore) -> None:
    """Orders are taken again from the end of a halt on."""
    rules = msgspec.structs.replace(load_instrument(store, "binance", BTC), halts=(Halt(5, 9),))
    kinds = [rules.status_at(at_ns) for at_ns in (4, 5, 8, 9)]
    trading, halted = MarketStatus.TRADING, MarketStatus.HALTED
    assert kinds == [trading, halted, halted, trading]


# --- which are kept ----------------------------------------------------------------------------------


def test_only_stored_or_named_markets_are_kept(store: HistoryStore, tmp_path: Path) -> None:
    """Without --symbols rules go to the markets that have data; the others are counted."""
    path = written(tmp_path / "spot.json", SPOT)
    with pytest.raises(MissingData, match=r"rules of 1 markets of binance, but no data of any is stored"):
        import_rules(path, store)
    with pytest.raises(MissingData, match="has no rules for ETH/USDT"):
        import_rules(path, store, symbols=["ETH/USDT"])
    two = {"serverTime": SEEN_MS, "symbols": [SPOT["symbols"][0], SPOT["symbols"][0] | {"baseAsset": "ETH"}]}
    store.folder("binance", BTC).mkdir(parents=True)
    report = import_rules(written(path, two), store)
    assert (report.kept, report.passed_over, report.kind) == ((BTC,), 1, "exchangeInfo")


def test_other_markets_do_not_matter(store: HistoryStore) -> None:
    """A market that is not wanted may be as broken as it likes."""
    broken = {"symbol": "XUSDT", "baseAsset": "X", "quoteAsset": "USDT"}
    assert imported(store, SPOT | {"symbols": [broken, *SPOT["symbols"]]}, BTC).tick == D("0.05")


def test_all_or_nothing(store: HistoryStore, tmp_path: Path) -> None:
    """Of several markets none is written if one of them is broken."""
    broken = changed(SPOT["symbols"][0] | {"baseAsset": "ETH"}, "filters", 0, "tickSize", to="x")
    path = written(tmp_path / "spot.json", SPOT | {"symbols": [*SPOT["symbols"], broken]})
    with pytest.raises(CorruptData):
        import_rules(path, store, symbols=[BTC, "ETH/USDT"])
    assert not store.root.exists()


@given(
    st.builds(
        Instrument, st.just("binance"), st.just(PERPETUAL), st.just(Market.LINEAR), st.just("BTC"),
        st.just("USDT"), *[st.decimals("0.001", "9", places=3)] * 4,
        max_quantity=st.none() | st.decimals("1", "9", places=1),
        tiers=st.just((MarginTier(D(0), None, D("0.01"), D(0), D(5)),)) | st.just(()),
        halts=st.just(()) | st.just((Halt(1), Halt(2, 3))),
        price_band=st.none() | st.just(PriceBand(D("0.9"), D("1.1"))), delisted_ns=st.none() | st.just(7),
    )
)  # fmt: skip
def test_rules_survive_the_file(rules: Instrument) -> None:
    """What is written to instrument.json is what is read from it."""
    assert msgspec.json.decode(msgspec.json.encode(rules), type=Instrument) == rules


def test_an_older_file_still_holds(store: HistoryStore) -> None:
    """A file that knows only the first nine rules is read, and the others are not known."""
    spot = load_instrument(store, "sample", BTC)
    save_instrument(store, spot)
    text = (store.folder("sample", BTC) / "instrument.json").read_text()
    assert "max_quantity" not in text
    assert load_instrument(store, "sample", BTC) == spot


# --- what is refused -----------------------------------------------------------------------------------

WRONG: list[tuple[Any, str, type[TradingError], str]] = [
    ([], BTC, UsageError, "no document of rules that is known"),
    ({"a": 1}, BTC, UsageError, "no document of rules that is known"),
    ({"a": {"b": 1}}, BTC, UsageError, "no document of rules that is known"),
    (CCXT, BTC, UsageError, "does not name its exchange: add --exchange"),
    (
        changed(SPOT, "symbols", 0, "filters", 0, "tickSize", to="0"), BTC, CorruptData,
        r"rules\.json: BTCUSDT, PRICE_FILTER, tickSize is '0'; a step above zero would be right",
    ),
    (
        changed(SPOT, "symbols", 0, "filters", 1, "minQty", to="many"), BTC, CorruptData,
        "BTCUSDT, LOT_SIZE, minQty is 'many'; a number would be right",
    ),
    (
        changed(SPOT, "symbols", 0, "filters", 3, "minNotional", to="-5"), BTC, CorruptData,
        "minNotional is '-5'; a number not below 0 would be right",
    ),
    (changed(SPOT, "symbols", 0, "filters", 3, to=None), BTC, CorruptData, "a list with MIN_NOTIONAL would"),
    (changed(SPOT, "symbols", 0, "baseAsset", to=None), BTC, CorruptData, "BTCUSDT, baseAsset is None"),
    ({"symbols": {}}, BTC, CorruptData, "symbols is {}; a list would be right"),
    ({"symbols": [3]}, BTC, CorruptData, "symbols 1 is 3; an object would be right"),
    (
        changed(BRACKETS, 0, "brackets", 1, "cum", to=350), PERPETUAL, CorruptData,
        "brackets 2, maintenance amount is .*350.*; 35, which joins the steps, would be right",
    ),
    (
        changed(BRACKETS, 0, "brackets", 1, "maintMarginRatio", to=0.001), PERPETUAL, CorruptData,
        "maintenance rate is .*0.001.*; a ratio above 0.0065 and below 1 would be right",
    ),
    (
        changed(BRACKETS, 0, "brackets", 1, "notionalCap", to=10000), PERPETUAL, CorruptData,
        "notional cap is .*10000.*; more than 10000 would be right",
    ),
    (
        changed(RISK_LIMIT, "result", "list", 0, "initialMargin", to="0.3"), PERPETUAL, CorruptData,
        r"BTCUSDT, initialMargin is '0.3'; 1 / maxLeverage \(100\) would be right",
    ),
    (
        changed(BYBIT_LINEAR, "result", "list", 0, "lotSizeFilter", to=None), PERPETUAL, CorruptData,
        "BTCUSDT, lotSizeFilter is None; an object would be right",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "symbol", "kind", "message"), WRONG)
def test_what_is_wrong_is_named(
    store: HistoryStore, document: Any, symbol: str, kind: type[TradingError], message: str
) -> None:
    """Each wrong document gives one sentence with file, market and field, and nothing is written."""
    path = written(store.root.parent / "rules.json", document)
    with pytest.raises(kind, match=message):
        import_rules(path, store, symbols=[symbol])
    assert not store.root.exists()


def test_files_that_are_no_documents(store: HistoryStore, tmp_path: Path) -> None:
    """A missing file and one that is not JSON each give their own sentence."""
    with pytest.raises(MissingData, match="there is no file"):
        import_rules(tmp_path / "absent.json", store)
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(CorruptData, match=r"text\.json is not a JSON document"):
        import_rules(tmp_path / "text.json", store)


@pytest.mark.parametrize(
    ("written_as", "shown"), [("0.0100", "0.01"), ("100", "100"), ("1E+3", "1000"), ("0", "0")]
)
def test_numbers_are_written_one_way(written_as: str, shown: str) -> None:
    """The same number always reads the same, so that files and digests do not differ by zeros."""
    assert str(plain(D(written_as))) == shown


# --- recordings and built-in rules -----------------------------------------------------------------------

RECORDED: list[tuple[str, str, Callable[[str], str]]] = [
    ("binance_spot_exchangeInfo_20211011.json", "binance", "{}/USDT".format),
    ("binance_usdm_exchangeInfo_20210722.json", "binance", "{}/USDT:USDT".format),
]


@pytest.mark.parametrize(("name", "venue", "symbol"), RECORDED)
@pytest.mark.parametrize("base", ["BTC", "ETH", "SOL", "XRP", "DOGE", "LTC"])
def test_built_in_rules_are_the_recorded_ones(
    store: HistoryStore, name: str, venue: str, symbol: Callable[[str], str], base: str
) -> None:
    """A recorded exchangeInfo imports as the built-in rules, but for ticks that became finer since."""
    market = symbol(base)
    built_in = builtin_instrument(venue, market)
    import_rules(real_file(f"wire/{name}"), store, symbols=[market])
    recorded = load_instrument(store, venue, market)
    assert built_in is not None
    assert recorded.tick >= built_in.tick
    assert msgspec.structs.replace(recorded, tick=built_in.tick) == built_in
    assert (recorded.tick != built_in.tick) == (market in ("LTC/USDT", "DOGE/USDT"))


@pytest.mark.parametrize("kind", ["spot", "linear"])
def test_recorded_bybit_documents(store: HistoryStore, kind: str) -> None:
    """The recorded instruments-info documents are read whole."""
    path = real_file(f"wire/nautilus/bybit/http_get_instruments_{kind}.json")
    symbols = [BTC, "ETH/USDT"] if kind == "spot" else [PERPETUAL, "ETH/USDT:USDT"]
    assert import_rules(path, store, symbols=symbols).kept == tuple(symbols)
    ticks = [str(load_instrument(store, "bybit", symbol).tick) for symbol in symbols]
    assert ticks == (["0.1", "0.01"] if kind == "spot" else ["0.5", "0.05"])


def test_the_sample_market_trades_as_before() -> None:
    """Steps and smallest orders of the sample market are fixed: digests of its runs rest on them."""
    rules = [
        builtin_instrument("sample", f"{base}/USDT{end}")
        for end in ("", ":USDT")
        for base in ("BTC", "ETH", "SOL")
    ]
    steps = [(str(r.tick), str(r.lot), str(r.min_quantity), str(r.min_notional)) for r in rules if r]
    assert steps == [
        ("0.01", "0.00001", "0.00001", "5"), ("0.01", "0.0001", "0.0001", "5"),
        ("0.01", "0.001", "0.001", "5"),
        ("0.01", "0.001", "0.001", "100"), ("0.01", "0.001", "0.001", "20"), ("0.01", "0.01", "0.01", "5"),
    ]  # fmt: skip


@pytest.mark.parametrize("venue", ["binance", "sample"])
def test_built_in_margin_tables_fit(venue: str) -> None:
    """Every built-in margin table begins at zero, has no holes, and its deductions join the steps."""
    for base in ("BTC", "ETH", "SOL"):
        rules = builtin_instrument(venue, f"{base}/USDT:USDT")
        assert rules is not None
        assert rules.tiers[0].floor == 0
        for lower, upper in zip(rules.tiers, rules.tiers[1:], strict=False):
            assert lower.cap == upper.floor
            step = upper.maintenance_ratio - lower.maintenance_ratio
            assert upper.deduction == lower.deduction + upper.floor * step
            assert upper.max_leverage < lower.max_leverage


def test_every_rule_is_documented() -> None:
    """docs/data.md names every field of instrument.json and no other."""
    text = (Path(__file__).parents[3] / "docs" / "data.md").read_text("utf-8")
    table = text.partition("## Instruments")[2].partition("Numbers are decimal strings")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name for cell in cells for name in re.findall("`([a-z_]+)`", cell)]
    assert sorted(named) == sorted(Instrument.__struct_fields__)
