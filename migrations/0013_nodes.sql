-- Programs that share this database. A row is one lease of one program: whoever lost a lease takes another one, with a higher number. What a program holds for
-- as long as it runs carries the number, so that others can let go of it when the lease is over. Beats have a table of their own: whoever asks in a
-- transaction whether a lease is held must not collide with every beat.
CREATE TABLE nodes (
    id {{ID}},
    name TEXT NOT NULL,
    version TEXT NOT NULL,             -- of the program
    schema_version INTEGER NOT NULL,   -- migrations that it brings
    lease_ms {{I64}} NOT NULL,
    started_at {{TIME}} NOT NULL,      -- of the lease
    ended_at {{TIME}}                  -- NULL: held
) {{STRICT}};
CREATE INDEX nodes_held ON nodes (id) WHERE ended_at IS NULL;

CREATE TABLE node_beats (
    node_id {{I64}} PRIMARY KEY,
    beat {{I64}} NOT NULL,
    seen_at {{TIME}} NOT NULL          -- by the node's own clock
) {{STRICT}};

-- Which nodes hold sockets of which agents: online is who has a row here.
CREATE TABLE presence_nodes (
    agent_id {{I64}} NOT NULL,
    node_id {{I64}} NOT NULL,
    PRIMARY KEY (agent_id, node_id)
) {{STRICT}};
CREATE INDEX presence_nodes_of ON presence_nodes (node_id);

-- What all programs on this database must have in common.
CREATE TABLE installation (
    id {{I64}} PRIMARY KEY,            -- 1
    key_check TEXT NOT NULL            -- of secret.key; not the key
) {{STRICT}};
