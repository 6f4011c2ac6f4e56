"""Secrets that can be used but not seen."""

import hmac
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agentic_trading.core.errors import ConfigError

HIDDEN = "***"


class Secret:
    """A text that shows as ``***`` however it is printed, formatted, dumped or pickled.

    Only ``reveal()`` gives it out. It does not travel: a pickled secret arrives empty, and revealing
    that one raises ConfigError.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """The text itself; call it where it is used and nowhere else."""
        text: str | None = object.__getattribute__(self, "_text")
        if text is None:
            raise ConfigError("This secret was copied from another process and is empty; read it again here.")
        return text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would let the text be guessed

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return _empty, ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )


def _empty() -> Secret:
    secret = Secret.__new__(Secret)
    object.__setattr__(secret, "_text", None)
    return secret


def secret_named(name: str, environ: Mapping[str, str]) -> Secret:
    """The secret in the environment variable of this name; raises ConfigError if it is not set."""
    text = environ.get(name, "")
    if not text:
        raise ConfigError(
            f"The environment variable {name} is not set; put {name}=... in the environment or in .env."
        )
    return Secret(text)
