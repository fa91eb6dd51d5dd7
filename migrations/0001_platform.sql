-- What the ground floor keeps: events, timers, outbox, answers to repeated requests.

CREATE TABLE events (
    id {{ID}},
    conversation_id {{I64}},           -- NULL: not about a conversation
    seq {{I64}} NOT NULL,              -- gap-free per conversation, handed in by the desk
    kind TEXT NOT NULL,
    is_public INTEGER NOT NULL,
    payload TEXT NOT NULL,
    at {{TIME}} NOT NULL,
    assignee_id {{I64}},               -- to whom the event went when it happened, so that a replay decides as the live path did
    team_id {{I64}},
    UNIQUE (conversation_id, seq)
) {{STRICT}};

CREATE TABLE timers (
    kind TEXT NOT NULL,
    subject {{I64}} NOT NULL,
    due_at {{TIME}} NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, subject)
) {{STRICT}};
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE outbox (
    id {{ID}},
    kind TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,  -- 0 waiting, 1 claimed, 2 sent, 3 dead
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at {{TIME}} NOT NULL,          -- waiting: not before; claimed: the claim ends; sent, dead: when it happened
    claimed_by TEXT,
    created_at {{TIME}} NOT NULL,
    UNIQUE (kind, idempotency_key)
) {{STRICT}};
CREATE INDEX outbox_due ON outbox (due_at) WHERE state < 2;
CREATE INDEX outbox_done ON outbox (due_at) WHERE state = 2;

CREATE TABLE idempotency_keys (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status INTEGER NOT NULL,           -- 0: under way
    content_type TEXT NOT NULL,
    body {{BLOB}} NOT NULL,
    created_at {{TIME}} NOT NULL,
    PRIMARY KEY (actor, key)
) {{STRICT}};
CREATE INDEX idempotency_created ON idempotency_keys (created_at);
