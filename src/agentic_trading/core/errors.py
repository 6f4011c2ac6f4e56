"""The four ways things go wrong that are neither a refusal (a value) nor a bug."""


class TradingError(Exception):
    """Base of all expected failures; its text is meant for the user, one clear sentence."""

    exit_code = 1


class ConfigError(TradingError):
    """A setting, flag or argument is wrong: fix it and start again."""

    exit_code = 2


class UsageError(ConfigError):
    """The command was called with arguments that cannot be meant."""


class MissingData(TradingError):
    """The history that was asked for is not on disk."""


class CorruptData(TradingError):
    """Data that cannot be trusted: stop, do not trade on it."""


class VenueUnavailable(TradingError):
    """The exchange did not answer: retry within bounds."""


class VerificationFailed(TradingError):
    """A rerun, a check or an audit found a difference."""

    exit_code = 4
