-- The kept answer's entity tag. Answers are sealed with the installation's key from here on; what an earlier program left could be read, and nothing
-- was ever kept by one.
DELETE FROM idempotency_keys;
ALTER TABLE idempotency_keys ADD COLUMN etag TEXT NOT NULL DEFAULT '';
