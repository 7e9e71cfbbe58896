"""Who may do what, and the record of it: actors, the permission table, keys, job tokens, audit."""
