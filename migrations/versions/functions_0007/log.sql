-- Decisions, attempts and observations: written all or none, read a page at a time.
-- Rows travel as JSON objects by column, bytes in hexadecimal, numbers in their shortest exact form.

-- The revision; an error for a role that row level security stops, so that nobody who sees nothing
-- takes it for an empty database.
CREATE FUNCTION conduit_revision() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM meta) THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = 'row-level security hides the tables from role ' || current_user;
    END IF;
    RETURN (SELECT version_num FROM alembic_version);
END $$;

CREATE FUNCTION conduit_bind_layout(new_layout text, new_dim integer) RETURNS json
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM conduit_revision();
    UPDATE meta SET layout = new_layout, dim = new_dim WHERE layout IS NULL;
    RETURN (SELECT json_build_object('layout', layout, 'dim', dim) FROM meta);
END $$;

-- Holds decisions against others who would add to them, in one order.
CREATE FUNCTION conduit_hold(decision_ids text[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    missing text;
BEGIN
    PERFORM FROM decisions WHERE id = ANY (decision_ids) ORDER BY id FOR NO KEY UPDATE;
    SELECT name INTO missing FROM unnest(decision_ids) AS name
    WHERE NOT EXISTS (SELECT FROM decisions WHERE id = name)
    ORDER BY name COLLATE "C" LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'unknown decision' USING ERRCODE = 'ZC001', DETAIL = missing;
    END IF;
END $$;

-- Logs what is not logged yet; the ids of the decisions that were not.
CREATE FUNCTION conduit_append(new_decisions json, new_executions json) RETURNS json
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

-- Logs one attempt, whatever its number: it is one more call that was paid for.
CREATE FUNCTION conduit_add_execution(new_execution json) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM conduit_hold(ARRAY[new_execution ->> 'decision_id']);
    INSERT INTO executions (
        decision_id, attempt, arm, failure, input_tokens, output_tokens, cost, latency,
        finish_reason, started_at
    )
    SELECT decision_id, attempt, arm, failure, input_tokens, output_tokens, cost, latency,
        finish_reason, started_at
    FROM json_populate_record(NULL::executions, new_execution);
    RETURN true;
END $$;

CREATE FUNCTION conduit_decision(decision_id text) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
BEGIN
    RETURN (SELECT row_to_json(decisions) FROM decisions WHERE id = decision_id);
END $$;

CREATE FUNCTION conduit_executions(decision_ids text[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET extra_float_digits = 1 AS $$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(executions ORDER BY attempt, id), '[]')
        FROM executions WHERE decision_id = ANY (decision_ids)
    );
END $$;

-- The next decisions by id with all that followed them, as of one moment.
CREATE FUNCTION conduit_log(after_id text, most integer) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    ids text[] := ARRAY(
        SELECT id FROM decisions WHERE id > after_id OR after_id IS NULL ORDER BY id LIMIT most
    );
BEGIN
    RETURN json_build_object(
        'decisions', (
            SELECT coalesce(json_agg(decisions ORDER BY id), '[]')
            FROM decisions WHERE id = ANY (ids)
        ),
        'executions', conduit_executions(ids),
        'observations', (
            SELECT coalesce(json_agg(observations), '[]')
            FROM observations WHERE decision_id = ANY (ids)
        )
    );
END $$;
