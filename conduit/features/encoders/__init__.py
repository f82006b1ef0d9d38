"""Encoders: text to unit vectors, from a real language model down to hashed words and letters.

:func:`open_encoder` picks one by name. Importing any module of this package loads none of the
heavy libraries; they are loaded when an encoder is built.
"""

from conduit.features.encoders.opening import ENCODERS, open_encoder

__all__ = ["ENCODERS", "open_encoder"]
