BEGIN;

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, 
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

-- Running upgrade  -> 0001

CREATE TABLE meta (
    id INTEGER NOT NULL, 
    version BIGINT NOT NULL, 
    layout TEXT, 
    dim INTEGER, 
    CONSTRAINT pk_meta PRIMARY KEY (id)
);

COMMENT ON COLUMN meta.id IS 'always 1';

COMMENT ON COLUMN meta.version IS 'grows with every fold';

COMMENT ON COLUMN meta.layout IS 'context layout of the learned state';

COMMENT ON COLUMN meta.dim IS 'length of a context';

INSERT INTO meta (id, version) VALUES (1, 0);

CREATE TABLE decisions (
    id TEXT NOT NULL, 
    query_id TEXT NOT NULL, 
    user_id TEXT, 
    created_at DOUBLE PRECISION NOT NULL, 
    policy TEXT NOT NULL, 
    layout TEXT NOT NULL, 
    selected_model TEXT NOT NULL, 
    confidence DOUBLE PRECISION NOT NULL, 
    attempt INTEGER NOT NULL, 
    forced BOOLEAN NOT NULL, 
    arms JSONB NOT NULL, 
    estimates BYTEA NOT NULL, 
    context BYTEA NOT NULL, 
    token_count INTEGER NOT NULL, 
    complexity_score DOUBLE PRECISION NOT NULL, 
    domain TEXT NOT NULL, 
    domain_confidence DOUBLE PRECISION NOT NULL, 
    fallback_chain JSONB NOT NULL, 
    constraints_relaxed JSONB NOT NULL, 
    reasoning TEXT NOT NULL, 
    CONSTRAINT pk_decisions PRIMARY KEY (id)
);

COMMENT ON COLUMN decisions.created_at IS 'seconds since the epoch';

COMMENT ON COLUMN decisions.arms IS 'K names, the rows of estimates';

COMMENT ON COLUMN decisions.estimates IS '(K, 7) float64, see sql_decisions';

COMMENT ON COLUMN decisions.context IS '(d,) float32';

CREATE TABLE executions (
    id BIGSERIAL NOT NULL, 
    decision_id TEXT NOT NULL, 
    attempt INTEGER NOT NULL, 
    arm TEXT NOT NULL, 
    failure TEXT, 
    input_tokens INTEGER, 
    output_tokens INTEGER, 
    cost DOUBLE PRECISION NOT NULL, 
    latency DOUBLE PRECISION, 
    finish_reason TEXT, 
    started_at DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_executions PRIMARY KEY (id), 
    CONSTRAINT fk_executions_decision_id FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

COMMENT ON COLUMN executions.cost IS 'USD';

COMMENT ON COLUMN executions.latency IS 'seconds';

COMMENT ON COLUMN executions.started_at IS 'seconds since the epoch';

CREATE INDEX ix_executions_decision_id ON executions (decision_id);

CREATE TABLE observations (
    decision_id TEXT NOT NULL, 
    arm TEXT NOT NULL, 
    signal TEXT NOT NULL, 
    head TEXT NOT NULL, 
    value DOUBLE PRECISION NOT NULL, 
    weight DOUBLE PRECISION NOT NULL, 
    observed_at DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_observations PRIMARY KEY (decision_id, arm, signal), 
    CONSTRAINT fk_observations_decision_id FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

COMMENT ON COLUMN observations.weight IS 'in ratings';

COMMENT ON COLUMN observations.observed_at IS 'seconds since the epoch';

CREATE TABLE pending (
    id BIGSERIAL NOT NULL, 
    decision_id TEXT NOT NULL, 
    arm TEXT NOT NULL, 
    head TEXT NOT NULL, 
    value DOUBLE PRECISION NOT NULL, 
    weight DOUBLE PRECISION NOT NULL, 
    previous DOUBLE PRECISION, 
    CONSTRAINT pk_pending PRIMARY KEY (id), 
    CONSTRAINT fk_pending_decision_id FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

COMMENT ON COLUMN pending.weight IS 'in ratings';

COMMENT ON COLUMN pending.previous IS 'the value replaced; null for a first observation';

CREATE TABLE audit (
    id BIGSERIAL NOT NULL, 
    decision_id TEXT NOT NULL, 
    arm TEXT NOT NULL, 
    signal TEXT NOT NULL, 
    old_value DOUBLE PRECISION NOT NULL, 
    new_value DOUBLE PRECISION NOT NULL, 
    changed_at DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_audit PRIMARY KEY (id), 
    CONSTRAINT fk_audit_decision_id FOREIGN KEY(decision_id) REFERENCES decisions (id)
);

COMMENT ON COLUMN audit.changed_at IS 'seconds since the epoch';

CREATE TABLE arm_state (
    arm TEXT NOT NULL, 
    head TEXT NOT NULL, 
    "A" BYTEA NOT NULL, 
    b BYTEA NOT NULL, 
    yy DOUBLE PRECISION NOT NULL, 
    weight DOUBLE PRECISION NOT NULL, 
    raw_count BIGINT NOT NULL, 
    CONSTRAINT pk_arm_state PRIMARY KEY (arm, head)
);

COMMENT ON COLUMN arm_state."A" IS 'upper triangle of (d, d), float64';

COMMENT ON COLUMN arm_state.b IS '(d,) float64';

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING alembic_version.version_num;

-- Running upgrade 0001 -> 0002

CREATE TABLE sources (
    id BIGSERIAL NOT NULL, 
    digest TEXT NOT NULL, 
    name TEXT NOT NULL, 
    n_eff DOUBLE PRECISION NOT NULL, 
    prompts BIGINT NOT NULL, 
    absorbed_at DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_sources PRIMARY KEY (id), 
    CONSTRAINT uq_sources_digest UNIQUE (digest)
);

COMMENT ON COLUMN sources.digest IS 'identity of the content';

COMMENT ON COLUMN sources.n_eff IS 'most ratings per arm and head';

COMMENT ON COLUMN sources.absorbed_at IS 'seconds since the epoch';

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

-- Running upgrade 0002 -> 0003

ALTER TABLE meta ADD COLUMN half_life DOUBLE PRECISION;

COMMENT ON COLUMN meta.half_life IS 'seconds; null as long as nobody declared one';

ALTER TABLE arm_state ADD COLUMN landmark DOUBLE PRECISION DEFAULT '0' NOT NULL;

COMMENT ON COLUMN arm_state.landmark IS 'seconds since the epoch, as of which the sums are weighed';

UPDATE arm_state SET landmark = (
    SELECT coalesce(max(moment), 0) FROM (
        SELECT created_at AS moment FROM decisions UNION ALL SELECT absorbed_at FROM sources
    ) AS moments
);

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

-- Running upgrade 0003 -> 0004

ALTER TABLE decisions ADD COLUMN unit_cost DOUBLE PRECISION;

COMMENT ON COLUMN decisions.unit_cost IS 'USD per unit of the cost weight; null in older rows';

ALTER TABLE decisions ADD COLUMN unit_latency DOUBLE PRECISION;

COMMENT ON COLUMN decisions.unit_latency IS 'seconds per unit of the latency weight';

ALTER TABLE decisions ADD COLUMN price_of_money DOUBLE PRECISION;

COMMENT ON COLUMN decisions.price_of_money IS 'quality per USD';

ALTER TABLE decisions ADD COLUMN budget DOUBLE PRECISION;

COMMENT ON COLUMN decisions.budget IS 'USD per request; null without one';

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003';

-- Running upgrade 0004 -> 0005

ALTER TABLE decisions ADD COLUMN text TEXT;

COMMENT ON COLUMN decisions.text IS 'null unless switched on';

ALTER TABLE meta ADD COLUMN lease TEXT;

COMMENT ON COLUMN meta.lease IS 'of a rebuild; nothing is folded';

ALTER TABLE meta ADD COLUMN lease_ends DOUBLE PRECISION;

COMMENT ON COLUMN meta.lease_ends IS 'seconds since the epoch';

ALTER TABLE pending ADD COLUMN writer TEXT;

COMMENT ON COLUMN pending.writer IS 'store that observed it';

ALTER TABLE observations ADD COLUMN era BIGINT DEFAULT '0' NOT NULL;

COMMENT ON COLUMN observations.era IS 'newest adjustment when first observed; later ones apply';

ALTER TABLE pending ADD COLUMN era BIGINT DEFAULT '0' NOT NULL;

COMMENT ON COLUMN pending.era IS 'newest adjustment when first observed; later ones apply';

CREATE INDEX ix_decisions_created_at ON decisions (created_at);

CREATE INDEX ix_decisions_user_id ON decisions (user_id);

CREATE INDEX ix_pending_decision_id ON pending (decision_id);

CREATE INDEX ix_audit_decision_id ON audit (decision_id);

CREATE TABLE documents (
    key TEXT NOT NULL, 
    version BIGINT NOT NULL, 
    value JSONB NOT NULL, 
    CONSTRAINT pk_documents PRIMARY KEY (key)
);

COMMENT ON COLUMN documents.version IS 'grows with every change';

CREATE TABLE changes (
    id BIGSERIAL NOT NULL, 
    at DOUBLE PRECISION NOT NULL, 
    actor TEXT NOT NULL, 
    action TEXT NOT NULL, 
    subject TEXT NOT NULL, 
    before JSONB, 
    after JSONB, 
    CONSTRAINT pk_changes PRIMARY KEY (id)
);

COMMENT ON COLUMN changes.at IS 'seconds since the epoch';

COMMENT ON COLUMN changes.actor IS 'who';

COMMENT ON COLUMN changes.action IS 'what was done';

COMMENT ON COLUMN changes.subject IS 'to what';

CREATE TABLE adjustments (
    id BIGSERIAL NOT NULL, 
    arm TEXT NOT NULL, 
    head TEXT NOT NULL, 
    kind TEXT NOT NULL, 
    amount DOUBLE PRECISION NOT NULL, 
    at DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_adjustments PRIMARY KEY (id)
);

COMMENT ON COLUMN adjustments.kind IS 'shift or discount';

COMMENT ON COLUMN adjustments.at IS 'seconds since the epoch';

CREATE TABLE base_state (
    arm TEXT NOT NULL, 
    head TEXT NOT NULL, 
    "A" BYTEA NOT NULL, 
    b BYTEA NOT NULL, 
    yy DOUBLE PRECISION NOT NULL, 
    weight DOUBLE PRECISION NOT NULL, 
    raw_count BIGINT NOT NULL, 
    landmark DOUBLE PRECISION NOT NULL, 
    CONSTRAINT pk_base_state PRIMARY KEY (arm, head)
);

COMMENT ON COLUMN base_state."A" IS 'upper triangle of (d, d), float64';

COMMENT ON COLUMN base_state.b IS '(d,) float64';

COMMENT ON COLUMN base_state.landmark IS 'seconds since the epoch';

UPDATE alembic_version SET version_num='0005' WHERE alembic_version.version_num = '0004';

-- Running upgrade 0005 -> 0006

ALTER TABLE arm_state ALTER COLUMN "A" SET STORAGE EXTERNAL;

ALTER TABLE arm_state ALTER COLUMN b SET STORAGE EXTERNAL;

ALTER TABLE base_state ALTER COLUMN "A" SET STORAGE EXTERNAL;

ALTER TABLE base_state ALTER COLUMN b SET STORAGE EXTERNAL;

ALTER TABLE arm_state SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_threshold = 1000);

ALTER TABLE arm_state SET (toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_cost_delay = 0, toast.autovacuum_vacuum_threshold = 1000);

ALTER TABLE pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_threshold = 1000);

ALTER TABLE adjustments ENABLE ROW LEVEL SECURITY;

ALTER TABLE alembic_version ENABLE ROW LEVEL SECURITY;

ALTER TABLE arm_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE base_state ENABLE ROW LEVEL SECURITY;

ALTER TABLE changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE decisions ENABLE ROW LEVEL SECURITY;

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE executions ENABLE ROW LEVEL SECURITY;

ALTER TABLE meta ENABLE ROW LEVEL SECURITY;

ALTER TABLE observations ENABLE ROW LEVEL SECURITY;

ALTER TABLE pending ENABLE ROW LEVEL SECURITY;

ALTER TABLE sources ENABLE ROW LEVEL SECURITY;

UPDATE alembic_version SET version_num='0006' WHERE alembic_version.version_num = '0005';

-- Running upgrade 0006 -> 0007

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

-- What replicas share: the pulse, documents, and the record of edits.

CREATE FUNCTION conduit_pulse() RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM conduit_revision();
    RETURN (
        SELECT json_build_object(
            'state', version,
            'documents', (SELECT coalesce(json_object_agg(key, documents.version), '{}') FROM documents)
        )
        FROM meta
    );
END $$;

CREATE FUNCTION conduit_document(of_key text) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT row_to_json(documents) FROM documents WHERE key = of_key);
END $$;

CREATE FUNCTION conduit_put_document(
    of_key text, new_value json, expected bigint, new_edit json
) RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF expected = 0 THEN
        INSERT INTO documents (key, version, value) VALUES (of_key, 1, new_value)
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE documents SET value = new_value, version = expected + 1
        WHERE key = of_key AND version = expected;
    END IF;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO changes (at, actor, action, subject, before, after)
    SELECT at, actor, action, subject, before, after
    FROM json_populate_record(NULL::changes, new_edit)
    WHERE new_edit IS NOT NULL;
    RETURN true;
END $$;

CREATE FUNCTION conduit_edits(most integer) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET extra_float_digits = 1 AS $$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(newest ORDER BY id DESC), '[]')
        FROM (SELECT * FROM changes ORDER BY id DESC LIMIT most) AS newest
    );
END $$;

-- On Supabase: the service role may use what row level security keeps from all but the owner, also
-- where a project grants its roles nothing by default. The API is told of the functions.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        RETURN;
    END IF;
    GRANT SELECT, INSERT, UPDATE, DELETE ON
        adjustments, arm_state, audit, base_state, changes, decisions, documents, executions, meta,
        observations, pending, sources
    TO service_role;
    GRANT SELECT ON alembic_version TO service_role;
    GRANT USAGE ON SEQUENCE
        adjustments_id_seq, audit_id_seq, changes_id_seq, executions_id_seq, pending_id_seq,
        sources_id_seq
    TO service_role;
END $$;

NOTIFY pgrst, 'reload schema';

UPDATE alembic_version SET version_num='0007' WHERE alembic_version.version_num = '0006';

-- Running upgrade 0007 -> 0008

CREATE TABLE budgets (
    id TEXT NOT NULL, 
    scope TEXT NOT NULL, 
    "window" TEXT NOT NULL, 
    nanos BIGINT NOT NULL, 
    CONSTRAINT pk_budgets PRIMARY KEY (id), 
    CONSTRAINT uq_budgets_scope UNIQUE (scope, "window")
);

COMMENT ON COLUMN budgets.scope IS 'kind:name';

COMMENT ON COLUMN budgets.nanos IS 'the limit; nanodollars';

CREATE TABLE spend (
    budget_id TEXT NOT NULL, 
    slot BIGINT NOT NULL, 
    settled BIGINT NOT NULL, 
    reserved BIGINT NOT NULL, 
    CONSTRAINT pk_spend PRIMARY KEY (budget_id, slot), 
    CONSTRAINT fk_spend_budget_id FOREIGN KEY(budget_id) REFERENCES budgets (id)
);

COMMENT ON COLUMN spend.slot IS 'seconds since the epoch';

COMMENT ON COLUMN spend.settled IS 'nanodollars';

COMMENT ON COLUMN spend.reserved IS 'nanodollars';

CREATE TABLE reservations (
    id TEXT NOT NULL, 
    lines JSONB NOT NULL, 
    nanos BIGINT NOT NULL, 
    made_at DOUBLE PRECISION NOT NULL, 
    ends_at DOUBLE PRECISION NOT NULL, 
    due DOUBLE PRECISION, 
    state TEXT NOT NULL, 
    cost BIGINT, 
    CONSTRAINT pk_reservations PRIMARY KEY (id)
);

COMMENT ON COLUMN reservations.lines IS 'pairs of budget and slot';

COMMENT ON COLUMN reservations.nanos IS 'set aside; nanodollars';

COMMENT ON COLUMN reservations.made_at IS 'seconds since the epoch';

COMMENT ON COLUMN reservations.ends_at IS 'seconds since the epoch';

COMMENT ON COLUMN reservations.due IS 'when it expires; null once it was closed';

COMMENT ON COLUMN reservations.cost IS 'nanodollars; null until settled';

CREATE INDEX ix_reservations_due ON reservations (due);

ALTER TABLE budgets ENABLE ROW LEVEL SECURITY;

ALTER TABLE spend ENABLE ROW LEVEL SECURITY;

ALTER TABLE reservations ENABLE ROW LEVEL SECURITY;

UPDATE alembic_version SET version_num='0008' WHERE alembic_version.version_num = '0007';

-- Running upgrade 0008 -> 0009

CREATE TABLE costs (
    id TEXT NOT NULL, 
    at DOUBLE PRECISION NOT NULL, 
    kind TEXT NOT NULL, 
    model TEXT NOT NULL, 
    provider TEXT NOT NULL, 
    cost BIGINT NOT NULL, 
    base_cost BIGINT NOT NULL, 
    input_tokens BIGINT, 
    output_tokens BIGINT, 
    user_id TEXT, 
    team TEXT, 
    api_key TEXT, 
    session TEXT, 
    task_type TEXT, 
    decision_id TEXT, 
    CONSTRAINT pk_costs PRIMARY KEY (id)
);

COMMENT ON COLUMN costs.at IS 'seconds since the epoch';

COMMENT ON COLUMN costs.kind IS 'what was paid for';

COMMENT ON COLUMN costs.cost IS 'nanodollars';

COMMENT ON COLUMN costs.base_cost IS 'at the baseline; nanodollars';

COMMENT ON COLUMN costs.api_key IS 'a hash or a label';

CREATE INDEX ix_costs_at_id ON costs (at, id);

CREATE INDEX ix_costs_user_id_at_id ON costs (user_id, at, id);

ALTER TABLE costs ENABLE ROW LEVEL SECURITY;

UPDATE alembic_version SET version_num='0009' WHERE alembic_version.version_num = '0008';

-- Running upgrade 0009 -> 0010

ALTER TABLE decisions ADD COLUMN quality_weight DOUBLE PRECISION;

COMMENT ON COLUMN decisions.quality_weight IS 'that the query asked for; null in older rows';

ALTER TABLE decisions ADD COLUMN cost_weight DOUBLE PRECISION;

COMMENT ON COLUMN decisions.cost_weight IS '0 where a goal priced money in its place';

ALTER TABLE decisions ADD COLUMN latency_weight DOUBLE PRECISION;

COMMENT ON COLUMN decisions.estimates IS '(K, 7 to 9) float64, see sql_decisions';

UPDATE alembic_version SET version_num='0010' WHERE alembic_version.version_num = '0009';

-- Running upgrade 0010 -> 0011

DROP FUNCTION conduit_append(json, json);

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

UPDATE alembic_version SET version_num='0011' WHERE alembic_version.version_num = '0010';

COMMIT;
