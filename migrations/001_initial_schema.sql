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

COMMIT;
