-- Knowledge: categories, articles with a draft per language, published versions, and what readers thought of them.
--
-- A translation's row holds the draft; what is published is the row of article_versions that published_version names. lang: 'en', 'zh-CN'.
-- risk 0 none, 1 money. Ids of agents carry no foreign keys: the rooms meet through functions.

CREATE TABLE categories (
    id {{ID}},
    slug TEXT NOT NULL UNIQUE,
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    description_en TEXT NOT NULL,
    description_zh TEXT NOT NULL,
    icon TEXT NOT NULL,
    position {{I64}} NOT NULL
) {{STRICT}};

CREATE TABLE articles (
    id {{ID}},
    slug TEXT NOT NULL UNIQUE,
    category_id {{I64}} NOT NULL REFERENCES categories (id),
    risk INTEGER NOT NULL,
    position {{I64}} NOT NULL,
    version {{I64}} NOT NULL,
    created_at {{TIME}} NOT NULL,
    updated_at {{TIME}} NOT NULL
) {{STRICT}};
CREATE INDEX articles_category ON articles (category_id, position);

CREATE TABLE article_translations (
    id {{ID}},
    article_id {{I64}} NOT NULL REFERENCES articles (id),
    lang TEXT NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    answer TEXT NOT NULL,               -- what the bot says
    body TEXT NOT NULL,                 -- Markdown
    phrasings TEXT NOT NULL,            -- JSON array of strings
    version {{I64}} NOT NULL,           -- of the draft; If-Match
    published_version {{I64}},          -- NULL: not published
    published_at {{TIME}},
    updated_at {{TIME}} NOT NULL,
    updated_by {{I64}},
    helpful {{I64}} NOT NULL,
    not_helpful {{I64}} NOT NULL,
    UNIQUE (article_id, lang)
) {{STRICT}};

CREATE TABLE article_versions (
    id {{ID}},
    translation_id {{I64}} NOT NULL REFERENCES article_translations (id),
    version {{I64}} NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    answer TEXT NOT NULL,
    body TEXT NOT NULL,
    phrasings TEXT NOT NULL,
    published_at {{TIME}} NOT NULL,
    published_by {{I64}},
    UNIQUE (translation_id, version)
) {{STRICT}};

-- One vote per reader: voter is a keyed hash of address and browser, never the address itself; the key stands in knowledge_meta.
CREATE TABLE article_feedback (
    translation_id {{I64}} NOT NULL REFERENCES article_translations (id),
    voter {{BLOB}} NOT NULL,
    is_helpful INTEGER NOT NULL,
    at {{TIME}} NOT NULL,
    PRIMARY KEY (translation_id, voter)
) {{STRICT}};

CREATE TABLE knowledge_meta (
    id {{I64}} PRIMARY KEY,
    feedback_key {{BLOB}} NOT NULL
) {{STRICT}};
