"""How settings are made: layers of TOML, environment and flags, decoded strictly into frozen models.

This package knows no section. Sections are models in the package that reads them; ``settings`` at the
root of the platform adds them up and says which files are read.
"""

from agentic_trading.core.config.decode import Loaded, load, schema
from agentic_trading.core.config.dotenv import read_dotenv
from agentic_trading.core.config.layers import Layer, environment_layer, file_layer, flag_layer
from agentic_trading.core.config.secret import Secret, secret_named
from agentic_trading.core.config.section import Section
from agentic_trading.core.config.writer import to_toml

__all__ = [
    "Layer",
    "Loaded",
    "Secret",
    "Section",
    "environment_layer",
    "file_layer",
    "flag_layer",
    "load",
    "read_dotenv",
    "schema",
    "secret_named",
    "to_toml",
]
