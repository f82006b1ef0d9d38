"""Settings: the only reader of the environment and of ``.env``.

The environment wins over ``.env``; within each, the ``CONDUIT_*`` name wins over its aliases.
Only wiring and the faces read settings: the parts below receive values.
"""

from conduit.settings.setting import Entry, Setting
from conduit.settings.settings import SETTINGS, Settings

__all__ = ["SETTINGS", "Entry", "Setting", "Settings"]
