-- Bodies are packed (store/body.rs); those that were kept before stay as they were received.
ALTER TABLE report ADD COLUMN packed BLOB; -- where there is one, `body` is empty
ALTER TABLE report ADD COLUMN written BLOB GENERATED ALWAYS AS (coalesce(packed, CAST(body AS BLOB))) VIRTUAL;
