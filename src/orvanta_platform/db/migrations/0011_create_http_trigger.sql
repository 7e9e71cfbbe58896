-- Routes of their own under /api/r that start a script or workflow.

CREATE TABLE http_trigger (
    id                           uuid PRIMARY KEY,
    workspace                    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path                         text NOT NULL,
    route_path                   text NOT NULL,
    route_key                    text NOT NULL,
    route_first                  text NOT NULL,
    http_method                  text NOT NULL CHECK (http_method IN ('get', 'post', 'put', 'delete', 'patch')),
    workspaced_route             boolean NOT NULL,
    script_path                  text NOT NULL,
    is_flow                      boolean NOT NULL,
    mode                         text NOT NULL CHECK (mode IN ('enabled', 'disabled', 'suspended')),
    request_type                 text NOT NULL CHECK (request_type IN ('sync', 'async', 'sync_sse')),
    authentication_method        text NOT NULL CHECK (authentication_method IN ('none', 'orvanta', 'api_key', 'basic_http', 'signature')),
    authentication_resource_path text,
    wrap_body                    boolean NOT NULL,
    raw_string                   boolean NOT NULL,
    summary                      text,
    description                  text,
    labels                       text[],
    permissioned_as              text NOT NULL,
    email                        text NOT NULL,
    extra_perms                  jsonb NOT NULL DEFAULT '{}',
    created_by                   text NOT NULL,
    created_at                   timestamptz NOT NULL DEFAULT app_now(),
    edited_by                    text NOT NULL,
    edited_at                    timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (workspace, path),
    CHECK (authentication_method IN ('none', 'orvanta') OR authentication_resource_path IS NOT NULL)
);
CREATE UNIQUE INDEX http_trigger_route ON http_trigger (http_method, route_key) WHERE NOT workspaced_route;
CREATE UNIQUE INDEX http_trigger_workspaced ON http_trigger (workspace, http_method, route_key) WHERE workspaced_route;
CREATE INDEX http_trigger_first ON http_trigger (http_method, route_first);
COMMENT ON COLUMN http_trigger.route_key IS 'The route without the names of its parameters: two of the same key are the same route.';
COMMENT ON COLUMN http_trigger.route_first IS 'The first part of the route; empty where that is a parameter.';
