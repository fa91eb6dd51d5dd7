-- Events without a conversation are notices between nodes, kept for a day.
CREATE INDEX events_notices ON events (at) WHERE conversation_id IS NULL;
