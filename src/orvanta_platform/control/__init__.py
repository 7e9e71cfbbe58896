"""Identity and permissions: actors, the permission table, keys, job tokens, audit."""
