-- +goose Up
-- Where a session was begun, for whoever looks at theirs; '' is not known.
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- When a person's last session was begun; 0: never, or before this was noted.
ALTER TABLE person ADD COLUMN signed_in_at BIGINT NOT NULL DEFAULT 0;
UPDATE person SET signed_in_at = COALESCE((SELECT MAX(session.created_at) FROM session WHERE session.person_id = person.id), 0);

-- +goose Down
ALTER TABLE person DROP COLUMN signed_in_at;
ALTER TABLE session DROP COLUMN address;
