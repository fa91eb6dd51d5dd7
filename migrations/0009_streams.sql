-- Whose conversation an event belongs to, kept with it: a node that did not write it must know where it goes.

ALTER TABLE events ADD COLUMN customer_id {{I64}};
ALTER TABLE events ADD COLUMN inbox_id {{I64}};

{{POSTGRES}}
-- A transaction has its number before it takes an id: what db_pg_stream.c and db_pg_index.c need to know which ids are finished.
ALTER TABLE events ALTER COLUMN id SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('events_id_seq') END;
ALTER TABLE messages ALTER COLUMN id SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('messages_id_seq') END;
ALTER TABLE message_edits ALTER COLUMN id SET DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('message_edits_id_seq') END;
{{END}}
