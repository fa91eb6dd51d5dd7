-- Mentions as a list: mine that I have not seen, newest first; and what goes with a deleted message.
CREATE INDEX mentions_unseen_recent ON mentions (agent_id, message_id) WHERE seen_at IS NULL;
CREATE INDEX mentions_of_message ON mentions (message_id);
