-- Lists of the console in the order of an index, so that a page costs the same however many there are.
--
-- conversations_running moves with every message: it costs some of the rate of writing, and makes the first page of 10,000 running conversations a matter of 60 rows.
-- The other two lists of running conversations (mine, a queue) are as long as a queue is and sort what they find.
CREATE INDEX conversations_running ON conversations (updated_at, id) WHERE state IN (0, 1) AND handler >= 1;
CREATE INDEX conversations_snoozed ON conversations (updated_at, id) WHERE state = 2;
-- What an agent answered today, without reading all it ever wrote.
CREATE INDEX messages_replies ON messages (author_id, created_at) WHERE author_kind = 1 AND kind = 0 AND client_id IS NOT NULL;
