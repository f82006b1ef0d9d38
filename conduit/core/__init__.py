"""The words everybody speaks: frozen values, errors, events and ports. No I/O."""
