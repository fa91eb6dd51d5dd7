-- The bot: its settings, where each dialogue stands, and the questions it could not answer.

CREATE TABLE bot_settings (
    id {{I64}} PRIMARY KEY,
    is_enabled INTEGER NOT NULL,
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    answer_permille INTEGER NOT NULL,   -- score from which it answers
    clarify_permille INTEGER NOT NULL,  -- score from which it asks which article is meant
    max_misses INTEGER NOT NULL,        -- misses in a row until it hands over
    version {{I64}} NOT NULL
) {{STRICT}};
INSERT INTO bot_settings (id, is_enabled, name_en, name_zh, answer_permille, clarify_permille, max_misses, version)
VALUES (1, 1, 'Assistant', '智能助手', 450, 150, 2, 1);

-- state_before is what message_id was decided from, so that the same message decided again (a crash between deciding and sending) gives the same answer.
CREATE TABLE bot_dialogues (
    conversation_id {{I64}} PRIMARY KEY,
    message_id {{I64}} NOT NULL,
    state_before TEXT NOT NULL,
    state TEXT NOT NULL,
    updated_at {{TIME}} NOT NULL
) {{STRICT}};

-- Kept for review. No text here: the message itself is where the words are, and goes when the message goes.
CREATE TABLE bot_misses (
    id {{ID}},
    conversation_id {{I64}} NOT NULL,
    message_id {{I64}} NOT NULL UNIQUE,
    lang TEXT NOT NULL,
    best_slug TEXT NOT NULL,            -- closest article; empty: none
    score_permille INTEGER NOT NULL,
    at {{TIME}} NOT NULL
) {{STRICT}};
