"""Look after the database: status, export, import, refit, purge, changes.

Every command works on the database of conduit run, or on the one that
--database names. All need a direct connection to it: a SQLite file or
a postgresql:// address.

  conduit db status
  conduit db export learned.zip
  conduit db purge --older-than 30d
"""
