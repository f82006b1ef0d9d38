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
