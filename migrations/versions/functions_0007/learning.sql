-- The delta log, and learned state, which is replaced by whoever read its newest version.

-- Keeps observations and their pending rows; those of one key one after the other, and keys in one
-- order, so that writers never wait crosswise. A correction keeps the head, the weight and the era
-- of what it corrects. The answer says what changed, by position in the list given.
CREATE FUNCTION conduit_observe(new_observations json, new_writer text) RETURNS json
LANGUAGE plpgsql SET search_path = public, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
    one record;
    kept observations;
    replaced double precision;
    answer json[] := '{}';
BEGIN
    PERFORM conduit_hold(ARRAY(
        SELECT DISTINCT decision_id
        FROM json_populate_recordset(NULL::observations, new_observations)
    ));
    FOR one IN
        SELECT * FROM json_populate_recordset(NULL::observations, new_observations)
        WITH ORDINALITY
        ORDER BY decision_id COLLATE "C", arm COLLATE "C", signal COLLATE "C", ordinality
    LOOP
        replaced := NULL;
        INSERT INTO observations (
            decision_id, arm, signal, head, value, weight, observed_at, era
        )
        VALUES (
            one.decision_id, one.arm, one.signal, one.head, one.value, one.weight,
            one.observed_at, (SELECT coalesce(max(id), 0) FROM adjustments)
        )
        ON CONFLICT DO NOTHING RETURNING * INTO kept;
        IF NOT FOUND THEN
            SELECT * INTO kept FROM observations
            WHERE (decision_id, arm, signal) = (one.decision_id, one.arm, one.signal);
            CONTINUE WHEN kept.value = one.value;
            replaced := kept.value;
            UPDATE observations SET value = one.value, observed_at = one.observed_at
            WHERE (decision_id, arm, signal) = (one.decision_id, one.arm, one.signal);
            INSERT INTO audit (decision_id, arm, signal, old_value, new_value, changed_at)
            VALUES (one.decision_id, one.arm, one.signal, replaced, one.value, one.observed_at);
        END IF;
        INSERT INTO pending (decision_id, arm, head, value, weight, previous, writer, era)
        VALUES (
            one.decision_id, one.arm, kept.head, one.value, kept.weight, replaced, new_writer,
            kept.era
        );
        answer := answer || json_build_object(
            'position', one.ordinality - 1, 'previous', replaced,
            'head', kept.head, 'weight', kept.weight
        );
    END LOOP;
    RETURN to_json(answer);
END $$;

-- The oldest pending rows with their contexts, the sums of their arms, and what happened to all
-- that had been observed of an arm, as of one moment.
CREATE FUNCTION conduit_pending(most integer) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
BEGIN
    PERFORM conduit_revision();
    RETURN (
        WITH taken AS (
            SELECT pending.*, context, created_at, layout
            FROM pending JOIN decisions ON decisions.id = decision_id
            ORDER BY pending.id LIMIT most
        )
        SELECT json_build_object(
            'meta', row_to_json(meta),
            'pending', (SELECT coalesce(json_agg(taken ORDER BY id), '[]') FROM taken),
            'adjustments', (SELECT coalesce(json_agg(adjustments ORDER BY id), '[]') FROM adjustments),
            'sums', (
                SELECT coalesce(json_agg(arm_state), '[]')
                FROM arm_state WHERE arm IN (SELECT arm FROM taken)
            )
        )
        FROM meta
    );
END $$;

-- Learned state as of one moment: of all arms, or of some with their evidence outside the log.
CREATE FUNCTION conduit_state(of_arms text[]) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
BEGIN
    PERFORM conduit_revision();
    RETURN (
        SELECT json_build_object(
            'meta', row_to_json(meta),
            'sums', (
                SELECT coalesce(json_agg(arm_state), '[]')
                FROM arm_state WHERE of_arms IS NULL OR arm = ANY (of_arms)
            ),
            'base', (
                SELECT coalesce(json_agg(base_state), '[]')
                FROM base_state WHERE arm = ANY (of_arms)
            )
        )
        FROM meta
    );
END $$;

-- Replaces sums that were made from one version of learned state, unless another was first; then
-- the answer is false, and nothing has changed. Nothing is folded while a rebuild is under way.
CREATE FUNCTION conduit_learn(
    expected bigint, new_sums json, new_base json, folded bigint[], new_adjustment json,
    new_source json, new_half_life double precision, moment double precision
) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    turn meta;
BEGIN
    PERFORM conduit_revision();
    SELECT * INTO turn FROM meta WHERE version = expected FOR UPDATE;
    IF NOT FOUND OR (SELECT count(*) FROM pending WHERE id = ANY (folded)) < cardinality(folded)
    THEN
        RETURN false;
    END IF;
    IF turn.lease IS NOT NULL AND (cardinality(folded) > 0 OR new_half_life IS NOT NULL) THEN
        IF turn.lease_ends > moment THEN
            RETURN false;
        END IF;
        UPDATE meta SET lease = NULL, lease_ends = NULL;
    END IF;
    INSERT INTO arm_state SELECT * FROM json_populate_recordset(NULL::arm_state, new_sums)
    ON CONFLICT (arm, head) DO UPDATE SET
        "A" = excluded."A", b = excluded.b, yy = excluded.yy, weight = excluded.weight,
        raw_count = excluded.raw_count, landmark = excluded.landmark;
    INSERT INTO base_state SELECT * FROM json_populate_recordset(NULL::base_state, new_base)
    ON CONFLICT (arm, head) DO UPDATE SET
        "A" = excluded."A", b = excluded.b, yy = excluded.yy, weight = excluded.weight,
        raw_count = excluded.raw_count, landmark = excluded.landmark;
    DELETE FROM pending WHERE id = ANY (folded);
    INSERT INTO adjustments (arm, head, kind, amount, at)
    SELECT arm, head, kind, amount, at
    FROM json_populate_record(NULL::adjustments, new_adjustment)
    WHERE new_adjustment IS NOT NULL;
    INSERT INTO sources (digest, name, n_eff, prompts, absorbed_at)
    SELECT digest, name, n_eff, prompts, absorbed_at
    FROM json_populate_record(NULL::sources, new_source)
    WHERE new_source IS NOT NULL;
    UPDATE meta SET version = expected + 1, half_life = coalesce(new_half_life, half_life);
    RETURN true;
END $$;

CREATE FUNCTION conduit_sources() RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET extra_float_digits = 1 AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(sources ORDER BY id), '[]') FROM sources);
END $$;

CREATE FUNCTION conduit_count() RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT count(*) FROM observations);
END $$;
