-- How far events were forgotten. A client that holds less than this must load again.
CREATE TABLE event_floor (
    id {{I64}} PRIMARY KEY,            -- 1
    event_id {{I64}} NOT NULL          -- the highest one that was removed
) {{STRICT}};
INSERT INTO event_floor (id, event_id) VALUES (1, 0);

-- Where the desk's retention stands in the order of resolution.
CREATE TABLE event_retention (
    id {{I64}} PRIMARY KEY,            -- 1
    resolved_at {{TIME}} NOT NULL,
    conversation_id {{I64}} NOT NULL
) {{STRICT}};
INSERT INTO event_retention (id, resolved_at, conversation_id) VALUES (1, 0, 0);
