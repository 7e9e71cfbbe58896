-- name: list_keys
-- All data keys, by workspace and version.
SELECT workspace, version, wrapped, wrapped_by
FROM data_key
ORDER BY workspace, version;

-- name: insert_keys
-- Inserts data keys; does nothing for versions that exist.
INSERT INTO data_key (workspace, version, wrapped, wrapped_by)
SELECT *
FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::text[])
ON CONFLICT DO NOTHING;

-- name: replace_wrapped
-- Replaces the wrapped form of data keys that is wrapped by another instance key.
UPDATE data_key AS k
SET wrapped = n.wrapped, wrapped_by = n.wrapped_by
FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::text[]) AS n(workspace, version, wrapped, wrapped_by)
WHERE k.workspace = n.workspace AND k.version = n.version AND k.wrapped_by <> n.wrapped_by;

-- name: variable_page
-- Secret variables that are not sealed with the newest data key, after $1, $2.
SELECT v.workspace, v.path, v.key_version, v.sealed
FROM variable AS v
WHERE (v.workspace, v.path) > ($1, $2)
  AND v.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = v.workspace)
ORDER BY v.workspace, v.path LIMIT $3;

-- name: variable_update
-- Replaces the ciphertexts of variables that were not changed meanwhile.
UPDATE variable AS v
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE v.workspace = n.workspace AND v.path = n.path AND v.sealed = n.old;

-- name: resource_page
-- Resources whose secret fields are not sealed with the newest data key, after $1, $2.
SELECT r.workspace, r.path, r.key_version, r.sealed
FROM resource AS r
WHERE (r.workspace, r.path) > ($1, $2)
  AND r.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = r.workspace)
ORDER BY r.workspace, r.path LIMIT $3;

-- name: resource_update
-- Replaces the ciphertexts of resources that were not changed meanwhile.
UPDATE resource AS r
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE r.workspace = n.workspace AND r.path = n.path AND r.sealed = n.old;

-- name: setting_page
-- Settings of the instance whose secrets are not sealed with the newest data key of the workspace $1, after $2.
SELECT $1::text AS workspace, s.name AS path, s.key_version, s.sealed
FROM instance_setting AS s
WHERE s.name > $2 AND s.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = $1)
ORDER BY s.name LIMIT $3;

-- name: setting_update
-- Replaces the ciphertexts of settings that were not changed meanwhile.
UPDATE instance_setting AS s
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE s.name = n.path AND s.sealed = n.old;

-- name: totp_page
-- Secrets of two-step logins that are not sealed with the newest data key of the workspace $1, after $2.
SELECT $1::text AS workspace, t.email AS path, t.key_version, t.sealed
FROM totp AS t
WHERE t.email > $2 AND t.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = $1)
ORDER BY t.email LIMIT $3;

-- name: totp_update
-- Replaces the ciphertexts of two-step logins that were not changed meanwhile.
UPDATE totp AS t
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE t.email = n.path AND t.sealed = n.old;

-- name: git_page
-- Tokens of repositories that are not sealed with the newest data key, after $1, $2.
SELECT g.workspace, g.workspace AS path, g.key_version, g.sealed
FROM git_binding AS g
WHERE (g.workspace, g.workspace) > ($1, $2)
  AND g.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = g.workspace)
ORDER BY g.workspace LIMIT $3;

-- name: git_update
-- Replaces the ciphertexts of tokens of repositories that were not changed meanwhile.
UPDATE git_binding AS g
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE g.workspace = n.workspace AND g.sealed = n.old;

-- name: webhook_page
-- URLs of webhooks of items that are not sealed with the newest data key, after $1, $2.
SELECT w.workspace, w.workspace AS path, w.key_version, w.sealed
FROM item_webhook AS w
WHERE (w.workspace, w.workspace) > ($1, $2)
  AND w.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = w.workspace)
ORDER BY w.workspace LIMIT $3;

-- name: webhook_update
-- Replaces the ciphertexts of URLs of webhooks that were not changed meanwhile.
UPDATE item_webhook AS w
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE w.workspace = n.workspace AND w.sealed = n.old;

-- name: export_page
-- Export keys that are not sealed with the newest data key, after $1, $2.
SELECT e.workspace, e.workspace AS path, e.key_version, e.sealed
FROM export_key AS e
WHERE (e.workspace, e.workspace) > ($1, $2)
  AND e.key_version < (SELECT max(k.version) FROM data_key AS k WHERE k.workspace = e.workspace)
ORDER BY e.workspace LIMIT $3;

-- name: export_update
-- Replaces the ciphertexts of export keys that were not changed meanwhile.
UPDATE export_key AS e
SET sealed = n.sealed, key_version = n.version
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::integer[]) AS n(workspace, path, old, sealed, version)
WHERE e.workspace = n.workspace AND e.sealed = n.old;

-- name: inputs_page
-- Sealed inputs of runs after $1, $2, with their workspaces.
SELECT v.id, v.kind, v.name, v.size, v.encoding, v.body, v.object,
       coalesce((SELECT r.workspace FROM run_live AS r WHERE r.id = v.id),
                (SELECT r.workspace FROM run AS r WHERE r.id = v.id)) AS workspace
FROM value AS v
WHERE v.kind = 'args' AND v.name = ANY ($3::text[]) AND (v.id, v.name) > ($1, $2)
ORDER BY v.id, v.name LIMIT $4;

-- name: inputs_update
-- Replaces sealed inputs that were not changed meanwhile.
UPDATE value AS v
SET size = n.size, encoding = n.encoding, body = n.body, object = n.object
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::bigint[], $6::smallint[], $7::bytea[], $8::text[])
    AS n(id, name, old_body, old_object, size, encoding, body, object)
WHERE v.id = n.id AND v.kind = 'args' AND v.name = n.name
  AND v.body IS NOT DISTINCT FROM n.old_body AND v.object IS NOT DISTINCT FROM n.old_object;

-- name: openings_page
-- Openings after the one with this key.
SELECT job, attempt, kind, path, digest, sealed
FROM opening
WHERE (job, attempt, kind, path, digest) > ($1, $2, $3, $4, $5)
ORDER BY job, attempt, kind, path, digest LIMIT $6;

-- name: openings_update
-- Replaces digests and ciphertexts of openings; one that was recorded again meanwhile is deleted.
WITH new AS (
    SELECT *
    FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[])
        AS n(job, attempt, kind, path, old, digest, sealed)
), old AS (
    DELETE FROM opening AS o
    USING new AS n
    WHERE (o.job, o.attempt, o.kind, o.path, o.digest) = (n.job, n.attempt, n.kind, n.path, n.old)
    RETURNING n.job, n.attempt, n.kind, n.path, n.digest, n.sealed, o.at
)
INSERT INTO opening (job, attempt, kind, path, digest, sealed, at)
SELECT *
FROM old
ON CONFLICT DO NOTHING;

-- name: forget_digests
-- Removes the digests of up to $1 idempotency keys, which another instance key made.
UPDATE idempotency AS i
SET input = NULL
WHERE (i.workspace, i.caller, i.path, i.key) IN (
    SELECT d.workspace, d.caller, d.path, d.key
    FROM idempotency AS d
    WHERE d.input IS NOT NULL AND d.created_at < $2
    LIMIT $1);

-- name: list_running
-- Attempts that run now.
SELECT id, attempt
FROM job_live
WHERE state = 'running';

-- name: count_running
-- Number of these attempts that still run.
SELECT count(*)
FROM unnest($1::uuid[], $2::integer[]) AS a(id, attempt)
JOIN job_live AS j ON j.id = a.id AND j.attempt = a.attempt AND j.state = 'running';

-- name: now
-- Time of the database.
SELECT app_now();
