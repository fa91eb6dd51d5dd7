-- Reviewing what the bot could not answer: newest first, of one language or of all, and how often near which article.
CREATE INDEX bot_misses_of_language ON bot_misses (lang, id);
CREATE INDEX bot_misses_recent ON bot_misses (at, lang, best_slug);
