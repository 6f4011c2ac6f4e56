"""Reads ``.env`` files: ``KEY=VALUE`` lines, where a developer keeps keys out of the settings files."""

import re
from pathlib import Path

from agentic_trading.core.errors import ConfigError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def read_dotenv(path: Path) -> dict[str, str]:
    """The variables of a ``.env`` file; an absent file has none.

    Lines are ``KEY=VALUE`` or ``export KEY=VALUE``; ``#`` begins a comment at the start of a line or
    after a space. Single quotes keep everything, double quotes know ``\\n \\t \\r \\" \\\\ \\$``.
    Raises ConfigError with file and line (never the value) for anything else.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({type(error).__name__}); it must be UTF-8 text."
        ) from None
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().removeprefix("export ").strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ConfigError(f"{path}:{number}: this line is not KEY=VALUE.")
        variables[name.strip()] = _unquoted(value.strip(), f"{path}:{number}")
    return variables


def _unquoted(value: str, place: str) -> str:
    if value[:1] not in ("'", '"'):
        return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()
    mark = value[0]
    pattern = r"'([^']*)'\s*(?:#.*)?" if mark == "'" else r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?'
    match = re.fullmatch(pattern, value)
    if match is None:
        raise ConfigError(f"{place}: the quoted value is not closed by {mark} at its end.")
    if mark == "'":
        return match[1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), match[1])
