-- The items and members with the longest run time, so that showing them does not add up every day of every item.

CREATE TABLE usage_ranking (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    days      integer NOT NULL,
    dimension text NOT NULL CHECK (dimension IN ('item', 'member')),
    name      text NOT NULL,
    runs      bigint NOT NULL,
    failed    bigint NOT NULL,
    job_s     double precision NOT NULL,
    PRIMARY KEY (workspace, days, dimension, name)
);
COMMENT ON TABLE usage_ranking IS 'The items and members of a workspace with the longest run time in the last days (UTC), summed up once an hour from usage_rollup.';

INSERT INTO usage_ranking (workspace, days, dimension, name, runs, failed, job_s)
SELECT workspace, days, dimension, name, runs, failed, job_s
FROM (
    SELECT u.workspace, s.days, u.dimension, u.name, sum(u.runs) AS runs, sum(u.failed) AS failed,
           sum(u.job_s) AS job_s, row_number() OVER (PARTITION BY u.workspace, s.days, u.dimension
                                                     ORDER BY sum(u.job_s) DESC, sum(u.runs) DESC, u.name) AS rank
    FROM (VALUES (7), (30), (90)) AS s (days)
    JOIN usage_rollup AS u ON u.width_s = 86400 AND u.dimension IN ('item', 'member')
     AND u.at >= date_trunc('day', now(), 'UTC') - make_interval(days => s.days - 1)
    GROUP BY u.workspace, s.days, u.dimension, u.name
) AS ranked
WHERE rank <= 100;
