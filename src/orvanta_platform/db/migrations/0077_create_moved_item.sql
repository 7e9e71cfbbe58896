-- Former paths of workflows and scripts that were moved, by which their earlier runs are found.

CREATE TABLE moved_item (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    target    text NOT NULL,
    moved_at  timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, target)
);
CREATE INDEX moved_item_target ON moved_item (workspace, kind, target);
COMMENT ON TABLE moved_item IS 'Former paths of workflows and scripts. Their runs under these paths belong to their history.';
COMMENT ON COLUMN moved_item.target IS 'The present path of what was at this path.';
