-- Workflows and scripts that members marked as favourites.

CREATE TABLE favourite (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username  text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    PRIMARY KEY (workspace, username, kind, path)
);
CREATE INDEX favourite_path ON favourite (workspace, kind, path);
COMMENT ON TABLE favourite IS 'Workflows and scripts that a member marked; of nobody else''s concern.';
