-- expand: on PostgreSQL events lie in a table per month, so that old ones go a table at a time
{{POSTGRES}}
-- expand-ok: the name is there again a moment later, with the same columns
ALTER TABLE events RENAME TO events_first;
-- expand-ok: a name only
ALTER TABLE events_first RENAME CONSTRAINT events_pkey TO events_first_pkey;
-- expand-ok: a name only. Unique within each part; over all of them the row of the conversation sees to it, under whose lock seq is counted.
ALTER TABLE events_first RENAME CONSTRAINT events_conversation_id_seq_key TO events_first_seq;
-- The ids of a month are a range of 2^40 (db_pg_partition.c); what was there before is below the first.
CREATE TABLE events (LIKE events_first INCLUDING DEFAULTS, PRIMARY KEY (id)) PARTITION BY RANGE (id);
ALTER SEQUENCE events_id_seq OWNED BY events.id;
ALTER TABLE events ATTACH PARTITION events_first FOR VALUES FROM (MINVALUE) TO (1099511627776);
{{END}}
