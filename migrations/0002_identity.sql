-- Who people are: agents with roles, teams and sessions; API keys; customers and the tokens of their widgets.
-- Tokens are kept as SHA-256 only. Lists that are only ever read whole (languages, skills, scopes, team_ids) are JSON arrays.

CREATE TABLE roles (
    id {{ID}},
    key TEXT UNIQUE,                   -- word of a built-in role; NULL: made here
    name TEXT NOT NULL UNIQUE,
    requires_totp INTEGER NOT NULL DEFAULT 0,
    version {{I64}} NOT NULL DEFAULT 1
) {{STRICT}};

CREATE TABLE role_permissions (
    role_id {{I64}} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, permission)
) {{STRICT}};

CREATE TABLE agents (
    id {{ID}},
    email TEXT NOT NULL UNIQUE,        -- lower case
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,       -- Argon2id, self-describing
    role_id {{I64}} NOT NULL REFERENCES roles (id),
    zone TEXT NOT NULL DEFAULT '',
    languages TEXT NOT NULL DEFAULT '[]',
    skills TEXT NOT NULL DEFAULT '[]',
    capacity INTEGER NOT NULL DEFAULT 4,
    is_active INTEGER NOT NULL DEFAULT 1,
    preferences TEXT NOT NULL DEFAULT '{}',
    totp_sealed {{BLOB}},              -- seed under the installation's key; NULL: no second factor
    totp_pending {{BLOB}},             -- seed that was shown but not confirmed
    totp_last_step {{I64}} NOT NULL DEFAULT 0,
    created_at {{TIME}} NOT NULL,
    version {{I64}} NOT NULL DEFAULT 1
) {{STRICT}};
CREATE INDEX agents_role ON agents (role_id);

CREATE TABLE recovery_codes (
    agent_id {{I64}} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    code_hash {{BLOB}} NOT NULL,
    used_at {{TIME}},
    PRIMARY KEY (agent_id, code_hash)
) {{STRICT}};

CREATE TABLE teams (
    id {{ID}},
    name TEXT NOT NULL UNIQUE,
    version {{I64}} NOT NULL DEFAULT 1
) {{STRICT}};

CREATE TABLE team_members (
    team_id {{I64}} NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    agent_id {{I64}} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, agent_id)
) {{STRICT}};
CREATE INDEX team_members_agent ON team_members (agent_id);

CREATE TABLE sessions (
    id {{ID}},
    token_hash {{BLOB}} NOT NULL UNIQUE,
    agent_id {{I64}} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at {{TIME}} NOT NULL,
    last_seen_at {{TIME}} NOT NULL,
    expires_at {{TIME}} NOT NULL,      -- at the latest
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL
) {{STRICT}};
CREATE INDEX sessions_agent ON sessions (agent_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Browsers in which an agent has signed in before: they keep their own throttle, so that nobody else can lock the agent out.
CREATE TABLE devices (
    id {{ID}},
    token_hash {{BLOB}} NOT NULL,
    agent_id {{I64}} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at {{TIME}} NOT NULL,
    last_used_at {{TIME}} NOT NULL,
    UNIQUE (token_hash, agent_id)
) {{STRICT}};
CREATE INDEX devices_agent ON devices (agent_id);

-- Keys are keyed hashes: no address and no e-mail is kept here.
CREATE TABLE throttles (
    key {{BLOB}} PRIMARY KEY,
    failures {{I64}} NOT NULL,
    blocked_until {{TIME}} NOT NULL,
    updated_at {{TIME}} NOT NULL
) {{STRICT}};
CREATE INDEX throttles_updated ON throttles (updated_at);

CREATE TABLE invitations (
    id {{ID}},
    token_hash {{BLOB}} NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,        -- a new invitation replaces the open one
    name TEXT NOT NULL,
    role_id {{I64}} NOT NULL REFERENCES roles (id),
    team_ids TEXT NOT NULL DEFAULT '[]',
    created_by {{I64}} NOT NULL,
    created_at {{TIME}} NOT NULL,
    expires_at {{TIME}} NOT NULL
) {{STRICT}};

CREATE TABLE api_keys (
    id {{ID}},
    token_hash {{BLOB}} NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    agent_id {{I64}} NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at {{TIME}} NOT NULL,
    expires_at {{TIME}},
    last_used_at {{TIME}}
) {{STRICT}};

CREATE TABLE customers (
    id {{ID}},
    uid TEXT UNIQUE,                   -- the exchange's own id; NULL: anonymous
    name TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    tier TEXT NOT NULL DEFAULT '',
    locale TEXT NOT NULL DEFAULT '',
    zone TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',
    name_key TEXT NOT NULL DEFAULT '', -- lower case, for the search by prefix
    email_key TEXT NOT NULL DEFAULT '',
    merged_into {{I64}},               -- gone: everything is that customer's now
    created_at {{TIME}} NOT NULL,
    last_seen_at {{TIME}},
    version {{I64}} NOT NULL DEFAULT 1
) {{STRICT}};
CREATE INDEX customers_name ON customers (name_key);
CREATE INDEX customers_email ON customers (email_key);
CREATE INDEX customers_merged ON customers (merged_into);

CREATE TABLE visitor_tokens (
    id {{ID}},
    token_hash {{BLOB}} NOT NULL UNIQUE,
    customer_id {{I64}} NOT NULL REFERENCES customers (id),
    inbox_id {{I64}} NOT NULL,
    verified_until {{TIME}},           -- NULL: anonymous
    created_at {{TIME}} NOT NULL,
    last_seen_at {{TIME}} NOT NULL
) {{STRICT}};
CREATE INDEX visitor_tokens_customer ON visitor_tokens (customer_id);
CREATE INDEX visitor_tokens_seen ON visitor_tokens (last_seen_at);

-- `jti` of signed identities that were used, until they expire anyway.
CREATE TABLE used_identity_tokens (
    hash {{BLOB}} PRIMARY KEY,
    expires_at {{TIME}} NOT NULL
) {{STRICT}};

INSERT INTO roles (key, name) VALUES ('owner', 'Owner'), ('admin', 'Administrator'), ('supervisor', 'Supervisor'), ('agent', 'Agent'), ('auditor', 'Auditor');

-- The owner has every permission that the program knows: completed at every start.
INSERT INTO role_permissions (role_id, permission)
SELECT r.id, p.column2 FROM roles r JOIN (VALUES
    ('admin', 'conversation.read'), ('admin', 'conversation.read_all'), ('admin', 'conversation.reply'), ('admin', 'conversation.assign'),
    ('admin', 'customer.read'), ('admin', 'customer.edit'), ('admin', 'agent.manage'), ('admin', 'role.manage'), ('admin', 'team.manage'),
    ('admin', 'apikey.manage'), ('admin', 'inbox.manage'), ('admin', 'workspace.manage'), ('admin', 'canned.manage'), ('admin', 'article.read'),
    ('admin', 'article.manage'), ('admin', 'article.publish'), ('admin', 'bot.read'), ('admin', 'bot.manage'), ('admin', 'live.read'),
    ('supervisor', 'conversation.read'), ('supervisor', 'conversation.read_all'), ('supervisor', 'conversation.reply'), ('supervisor', 'conversation.assign'),
    ('supervisor', 'customer.read'), ('supervisor', 'customer.edit'), ('supervisor', 'canned.manage'), ('supervisor', 'article.read'),
    ('supervisor', 'article.manage'), ('supervisor', 'article.publish'), ('supervisor', 'bot.read'), ('supervisor', 'live.read'),
    ('agent', 'conversation.read'), ('agent', 'conversation.reply'), ('agent', 'conversation.assign'), ('agent', 'customer.read'), ('agent', 'customer.edit'),
    ('agent', 'article.read'), ('agent', 'bot.read'),
    ('auditor', 'conversation.read'), ('auditor', 'conversation.read_all'), ('auditor', 'customer.read'), ('auditor', 'article.read'), ('auditor', 'bot.read'),
    ('auditor', 'live.read'), ('auditor', 'audit.read')
) AS p ON r.key = p.column1;
