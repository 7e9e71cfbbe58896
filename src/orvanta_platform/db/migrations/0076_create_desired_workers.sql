-- Number of workers that the queue needs, for autoscalers.

CREATE FUNCTION orvanta_desired_workers(of_queues text[], slots integer) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT greatest(ceil(count(*) FILTER (WHERE queue NOT IN ('native', 'webhook')) / greatest(slots, 1)::numeric),
                    least(count(*), 1))::integer
    FROM job_live
    WHERE state IN ('available', 'running') AND queue NOT LIKE 'worker:%'
      AND (of_queues IS NULL OR queue = ANY (of_queues))
$$;
COMMENT ON FUNCTION orvanta_desired_workers IS 'Workers with this number of slots that the waiting and running jobs of these queues (null: all) need. Autoscalers call it, with no right to any table.';
