-- Logs what is not logged yet; the ids of the decisions that were not. A layout that its caller has bound
-- is not compared with the database's: after a rebuild with another encoder, those who still decide in the
-- one before keep their log, as they do over a connection.
CREATE FUNCTION conduit_append(
    new_decisions json, new_executions json, bound_layout text DEFAULT NULL, bound_dim integer DEFAULT NULL
) RETURNS json
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    one record;
    fresh text[];
BEGIN
    PERFORM conduit_revision();
    FOR one IN
        SELECT DISTINCT layout, octet_length(context) / 4 AS dim
        FROM json_populate_recordset(NULL::decisions, new_decisions)
    LOOP
        CONTINUE WHEN one.layout = bound_layout AND one.dim = bound_dim;
        UPDATE meta SET layout = one.layout, dim = one.dim WHERE meta.layout IS NULL;
        IF NOT EXISTS (SELECT FROM meta WHERE layout = one.layout AND dim = one.dim) THEN
            RAISE EXCEPTION 'another layout' USING ERRCODE = 'ZC002', DETAIL = json_build_object(
                'declared', json_build_array(one.layout, one.dim),
                'stored', (SELECT json_build_array(layout, dim) FROM meta));
        END IF;
    END LOOP;
    WITH added AS (
        INSERT INTO decisions
        SELECT * FROM json_populate_recordset(NULL::decisions, new_decisions) ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO fresh FROM added;
    PERFORM conduit_hold(ARRAY(
        SELECT DISTINCT decision_id FROM json_populate_recordset(NULL::executions, new_executions)
        WHERE decision_id <> ALL (fresh)
    ));
    INSERT INTO executions (
        decision_id, attempt, arm, failure, input_tokens, output_tokens, cost, latency,
        finish_reason, started_at
    )
    SELECT DISTINCT ON (decision_id, attempt)
        decision_id, attempt, arm, failure, input_tokens, output_tokens, cost, latency,
        finish_reason, started_at
    FROM json_populate_recordset(NULL::executions, new_executions) WITH ORDINALITY AS new
    WHERE NOT EXISTS (
        SELECT FROM executions AS known
        WHERE known.decision_id = new.decision_id AND known.attempt = new.attempt
    )
    ORDER BY decision_id, attempt, ordinality;
    RETURN to_json(fresh);
END $$;

NOTIFY pgrst, 'reload schema';
