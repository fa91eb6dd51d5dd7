-- What a visitor who is not signed in is asked for before the first message, as JSON (PreChat of the spec). Off unless the operator wants it.

ALTER TABLE inboxes ADD COLUMN prechat TEXT NOT NULL DEFAULT '{"name":"off","email":"off","topics":[]}';
