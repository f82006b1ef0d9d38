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
