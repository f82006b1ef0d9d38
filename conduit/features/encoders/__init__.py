"""Encoders: text to unit vectors, from a real language model down to hashed n-grams.

:func:`conduit.features.encoders.opening.open_encoder` picks one by name. Importing any module of
this package loads none of the heavy libraries; they are loaded when an encoder is built.
"""
