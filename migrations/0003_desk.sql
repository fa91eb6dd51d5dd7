-- The desk: inboxes, conversations, messages, files, offers, presence, ratings, canned replies, drafts.
--
-- Small words are numbers (src/desk/conversation.h, message.h):
--   state 0 open, 1 waiting, 2 snoozed, 3 resolved     handler 0 bot, 1 queue, 2 agent     priority 0 low, 1 normal, 2 high, 3 urgent
--   author_kind 0 customer, 1 agent, 2 bot, 3 system   kind 0 public, 1 note, 2 system
-- Ids of other rooms (customers, agents, teams) carry no foreign keys: the rooms meet through functions, and a message must cost few look-ups.

CREATE TABLE workspace (
    id {{I64}} PRIMARY KEY,
    brand TEXT NOT NULL,
    default_language TEXT NOT NULL,
    reopen_hours INTEGER NOT NULL,
    offer_timeout_s INTEGER NOT NULL,
    auto_away_minutes INTEGER NOT NULL,
    csat_enabled INTEGER NOT NULL,
    public_url TEXT NOT NULL,
    version {{I64}} NOT NULL
) {{STRICT}};
INSERT INTO workspace (id, brand, default_language, reopen_hours, offer_timeout_s, auto_away_minutes, csat_enabled, public_url, version)
VALUES (1, 'Stablehand', 'en', 72, 30, 15, 1, '', 1);

CREATE TABLE inboxes (
    id {{ID}},
    key TEXT NOT NULL UNIQUE,           -- public, stands in the exchange's page
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    team_id {{I64}},                    -- whose queue new conversations join; NULL: everybody's
    allowed_origins TEXT NOT NULL,      -- JSON array
    greeting_en TEXT NOT NULL,
    greeting_zh TEXT NOT NULL,
    accent TEXT NOT NULL,
    bot_enabled INTEGER NOT NULL,
    secret {{BLOB}},                    -- HS256 secret, sealed with the installation's key; NULL: none yet
    former_secret {{BLOB}},             -- the one before, sealed; good until former_until
    former_until {{TIME}},
    public_key TEXT,                    -- Ed25519, base64
    version {{I64}} NOT NULL
) {{STRICT}};

CREATE TABLE conversations (
    id {{ID}},
    customer_id {{I64}} NOT NULL,
    inbox_id {{I64}} NOT NULL,
    state INTEGER NOT NULL,
    handler INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    topic TEXT NOT NULL,
    language TEXT NOT NULL,
    tags TEXT NOT NULL,                 -- JSON array of strings
    assignee_id {{I64}},
    team_id {{I64}},
    created_at {{TIME}} NOT NULL,
    updated_at {{TIME}} NOT NULL,
    waiting_since {{TIME}},             -- the customer's oldest unanswered message
    queued_at {{TIME}},                 -- since when it is in the queue; NULL: it is not
    snoozed_until {{TIME}},
    resolved_at {{TIME}},
    resolved_by {{I64}},
    n_resolutions INTEGER NOT NULL DEFAULT 0,
    last_seq {{I64}} NOT NULL,          -- of events: gap-free
    last_customer_seq {{I64}} NOT NULL DEFAULT 0,
    last_agent_seq {{I64}} NOT NULL DEFAULT 0, -- last public message of an agent or the bot, and whose: the stop when something arrived meanwhile
    last_agent_id {{I64}} NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    customer_read_seq {{I64}} NOT NULL DEFAULT 0,
    customer_delivered_seq {{I64}} NOT NULL DEFAULT 0,
    agent_read_seq {{I64}} NOT NULL DEFAULT 0,
    preview TEXT NOT NULL,              -- of the last message that the customer can see
    preview_author INTEGER NOT NULL,
    preview_kind INTEGER NOT NULL,
    preview_at {{TIME}} NOT NULL,
    version {{I64}} NOT NULL            -- of the head; messages do not raise it
) {{STRICT}};
-- Two first messages at once never open two conversations.
CREATE UNIQUE INDEX conversations_current ON conversations (customer_id, inbox_id) WHERE state <> 3;
CREATE INDEX conversations_of_customer ON conversations (customer_id, id);
CREATE INDEX conversations_of_assignee ON conversations (assignee_id) WHERE state <> 3;
CREATE INDEX conversations_by_handler ON conversations (handler, queued_at) WHERE state <> 3;
CREATE INDEX conversations_resolved ON conversations (resolved_at) WHERE state = 3;
CREATE INDEX conversations_created ON conversations (created_at);

CREATE TABLE messages (
    id {{ID}},
    conversation_id {{I64}} NOT NULL,
    seq {{I64}} NOT NULL,               -- of the event that made it
    client_id TEXT,                     -- made by the client: a retry is recognised by it
    author_kind INTEGER NOT NULL,
    author_id {{I64}} NOT NULL,         -- 0: bot, system
    author_name TEXT NOT NULL,          -- as it was then
    kind INTEGER NOT NULL,
    is_public INTEGER NOT NULL,         -- the customer may see it
    body TEXT NOT NULL,
    reply_to {{I64}},
    n_files INTEGER NOT NULL,
    mentions TEXT,                      -- JSON array of agent ids; NULL: none
    meta TEXT,                          -- JSON object
    created_at {{TIME}} NOT NULL,
    edited_at {{TIME}},
    deleted_at {{TIME}},
    UNIQUE (conversation_id, seq)
) {{STRICT}};
-- By author, not by conversation: the retry of a first message may find its conversation resolved, and must not open another one.
CREATE UNIQUE INDEX messages_retry ON messages (author_id, author_kind, client_id) WHERE client_id IS NOT NULL;

-- The trace of edits and deletions; the search index follows it.
CREATE TABLE message_edits (
    id {{ID}},
    message_id {{I64}} NOT NULL REFERENCES messages (id),
    agent_id {{I64}},
    action INTEGER NOT NULL,            -- 0 edited, 1 deleted
    old_body TEXT NOT NULL,
    new_body TEXT,                      -- NULL: deleted
    at {{TIME}} NOT NULL
) {{STRICT}};
CREATE INDEX message_edits_of ON message_edits (message_id, id);

CREATE TABLE files (
    id {{ID}},
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,         -- by its first bytes, never by its name
    size {{I64}} NOT NULL,
    is_image INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    customer_id {{I64}},                -- who uploaded it: one of the two
    agent_id {{I64}},
    conversation_id {{I64}},            -- for which it was uploaded; a visitor's: set when it is sent
    message_id {{I64}},                 -- NULL: not sent yet
    created_at {{TIME}} NOT NULL
) {{STRICT}};
CREATE INDEX files_of_customer ON files (customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE message_files (
    message_id {{I64}} NOT NULL REFERENCES messages (id),
    position INTEGER NOT NULL,
    file_id {{I64}} NOT NULL REFERENCES files (id),
    PRIMARY KEY (message_id, position)
) {{STRICT}};
CREATE INDEX message_files_of ON message_files (file_id);

CREATE TABLE mentions (
    agent_id {{I64}} NOT NULL,
    message_id {{I64}} NOT NULL REFERENCES messages (id),
    conversation_id {{I64}} NOT NULL,
    seen_at {{TIME}},
    PRIMARY KEY (agent_id, message_id)
) {{STRICT}};
CREATE INDEX mentions_unseen ON mentions (agent_id, conversation_id) WHERE seen_at IS NULL;

CREATE TABLE drafts (
    agent_id {{I64}} NOT NULL,
    conversation_id {{I64}} NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL,
    updated_at {{TIME}} NOT NULL,
    PRIMARY KEY (agent_id, conversation_id)
) {{STRICT}};

CREATE TABLE offers (
    id {{ID}},
    conversation_id {{I64}} NOT NULL,
    agent_id {{I64}} NOT NULL,
    state INTEGER NOT NULL,             -- 0 open, 1 accepted, 2 declined, 3 expired, 4 withdrawn
    made_at {{TIME}} NOT NULL,
    expires_at {{TIME}} NOT NULL,
    answered_at {{TIME}},
    waited_ms {{I64}} NOT NULL          -- of the customer in the queue, when it was made
) {{STRICT}};
CREATE UNIQUE INDEX offers_open ON offers (conversation_id) WHERE state = 0;
CREATE INDEX offers_of_agent ON offers (agent_id) WHERE state = 0;
CREATE INDEX offers_recent ON offers (conversation_id, id);
CREATE INDEX offers_answered ON offers (answered_at) WHERE state = 1;

CREATE TABLE presence (
    agent_id {{I64}} PRIMARY KEY,
    status INTEGER NOT NULL,            -- 0 available, 1 busy, 2 away
    reason TEXT NOT NULL,
    is_automatic INTEGER NOT NULL,      -- away without being asked: activity brings back what was before
    is_online INTEGER NOT NULL,
    since {{TIME}} NOT NULL,
    active_at {{TIME}} NOT NULL,
    n_missed INTEGER NOT NULL           -- offers in a row that ran out
) {{STRICT}};

CREATE TABLE ratings (
    id {{ID}},
    conversation_id {{I64}} NOT NULL,
    resolution INTEGER NOT NULL,        -- conversations.n_resolutions when it was given: once per resolution
    customer_id {{I64}} NOT NULL,
    agent_id {{I64}},
    score INTEGER NOT NULL,
    comment TEXT NOT NULL,
    at {{TIME}} NOT NULL,
    UNIQUE (conversation_id, resolution)
) {{STRICT}};
CREATE INDEX ratings_at ON ratings (at);

CREATE TABLE canned (
    id {{ID}},
    shortcut TEXT NOT NULL,
    language TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    version {{I64}} NOT NULL,
    UNIQUE (shortcut, language)
) {{STRICT}};
