"""Why a chain failed, in words."""

from gm_assets.errors import GmError


def reason_of(error: Exception) -> str:
    """What an error of ours says, with its place and remedy; any other with its kind."""
    return str(error) if isinstance(error, GmError) else f"{type(error).__name__}: {error}"
