-- Which versions may run for whom when that member did not start the run: the code behind triggers.

CREATE TABLE acceptance (
    workspace       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('script', 'flow')),
    path            text NOT NULL,
    permissioned_as text NOT NULL,
    version         bigint NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    accepted_by     text NOT NULL,
    accepted_at     timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, permissioned_as, version)
);
CREATE INDEX acceptance_version ON acceptance (version);
COMMENT ON TABLE acceptance IS 'Versions that may run for a member who did not start the run. Of several the newest one that is locked runs.';
COMMENT ON COLUMN acceptance.permissioned_as IS 'u/<username>: runs that act for this member; g/all: for any member.';

CREATE FUNCTION accepted_version(of_workspace text, of_kind text, of_path text, acting_as text) RETURNS bigint
    LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(newest.version) FILTER (WHERE newest.locked), max(newest.version))
    FROM unnest(ARRAY['g/all', acting_as]) AS who (name)
    CROSS JOIN LATERAL (
        (SELECT a.version, true AS locked FROM acceptance AS a JOIN version AS v ON v.id = a.version
         WHERE a.workspace = of_workspace AND a.kind = of_kind AND a.path = of_path AND a.permissioned_as = who.name
           AND v.lock_state = 'locked'
         ORDER BY a.version DESC LIMIT 1)
        UNION ALL
        (SELECT a.version, false FROM acceptance AS a
         WHERE a.workspace = of_workspace AND a.kind = of_kind AND a.path = of_path AND a.permissioned_as = who.name
         ORDER BY a.version DESC LIMIT 1)
    ) AS newest
$$;
COMMENT ON FUNCTION accepted_version IS 'The newest locked version of a path that is accepted for a member, else the newest accepted one; null where there is none.';

-- Whatever could run until now still does.
INSERT INTO acceptance (workspace, kind, path, permissioned_as, version, accepted_by)
SELECT workspace, kind, path, 'g/all', id, 'system' FROM version WHERE NOT deleted;
