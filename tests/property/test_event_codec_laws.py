"""Every event survives the journal: JSON and back as one tagged union, value for value."""

from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.events import AnyEvent, Event

pytestmark = pytest.mark.property

KINDS: tuple[type[Event], ...] = get_args(AnyEvent)
DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=8) | st.integers().map(Decimal)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**63), 2**63 - 1),
    float: FLOATS,
    bool: st.booleans(),
    Decimal: DECIMALS,
    type(None): st.none(),
}


@cache
def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation as it is used in events."""
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances_of(hint)
    parts = get_args(hint)
    origin = getattr(hint, "__origin__", None)
    name = getattr(origin, "__name__", "")
    if name == "Mapping":
        return st.dictionaries(TEXT, values_of(parts[1]), max_size=3)
    if name == "Sequence":
        return st.lists(values_of(parts[0]), max_size=3)
    if origin is tuple:
        if parts[-1] is Ellipsis:
            return st.lists(values_of(parts[0]), max_size=3).map(tuple)
        return st.tuples(*(values_of(part) for part in parts))
    if parts:  # a union; a float field may hold what JSON reads back as a whole number
        return st.one_of(*(values_of(part) for part in parts if part is not int or float not in parts))
    return st.sampled_from(list(hint))  # an enum


@cache
def instances_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Structs with every field filled."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values_of(hints[name]) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_event_round_trips(kind: type[Event], data: st.DataObject) -> None:
    """An event of any type comes back from JSON with its type and every value as it was."""
    event = data.draw(instances_of(kind))
    encoded = msgspec.json.encode(event)
    decoded = DECODER.decode(encoded)
    assert type(decoded) is kind
    assert decoded == event
    assert msgspec.json.encode(decoded) == encoded


def test_the_union_is_complete() -> None:
    """Every event class that is defined is in the union, once, under its own name."""

    def below(kind: type[Event]) -> list[type[Event]]:
        return [each for sub in kind.__subclasses__() for each in (sub, *below(sub))]

    defined = [kind for kind in below(Event) if kind.__module__ == Event.__module__]
    assert sorted(kind.__name__ for kind in defined) == sorted(kind.__name__ for kind in KINDS)
    assert [kind.__struct_config__.tag for kind in KINDS] == [kind.__name__ for kind in KINDS]


@given(st.sampled_from(KINDS), st.data())
def test_an_unknown_tag_does_not_slip_through(kind: type[Event], data: st.DataObject) -> None:
    """A record under a name that is no event is refused, not guessed at."""
    record = msgspec.json.decode(msgspec.json.encode(data.draw(instances_of(kind))))
    record["type"] = kind.__name__ + "X"
    with pytest.raises(msgspec.ValidationError):
        DECODER.decode(msgspec.json.encode(record))
