-- Locks by their text, for policies that restrict packages.

CREATE INDEX lock_body ON lock (md5(body));
