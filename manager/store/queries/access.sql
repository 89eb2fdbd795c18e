-- name: InsertPerson :exec
INSERT INTO person (id, account_id, name, role, password, disabled, created_at, signed_in_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: Person :one
SELECT * FROM person WHERE account_id = $1 AND id = $2;

-- name: PersonByName :one
SELECT * FROM person WHERE name = $1;

-- name: PersonOfCode :one
SELECT person.* FROM person JOIN code ON code.person_id = person.id WHERE code.hash = $1 AND code.expires_at > sqlc.arg(now);

-- name: People :many
SELECT * FROM person WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: Owners :many
SELECT * FROM person WHERE account_id = $1 AND role = 'owner' AND NOT disabled ORDER BY id;

-- name: CountPeople :one
SELECT count(*) FROM person;

-- name: SetPerson :exec
UPDATE person SET role = $3, disabled = $4 WHERE account_id = $1 AND id = $2;

-- name: SignedIn :exec
UPDATE person SET signed_in_at = $2 WHERE id = $1;

-- name: SetPassword :exec
UPDATE person SET password = $2 WHERE id = $1;

-- name: DeletePerson :exec
DELETE FROM person WHERE account_id = $1 AND id = $2;

-- name: InsertCode :exec
INSERT INTO code (hash, person_id, expires_at) VALUES ($1, $2, $3);

-- name: DeleteCodes :exec
DELETE FROM code WHERE person_id = $1;

-- name: InsertSession :exec
INSERT INTO session (hash, person_id, created_at, seen_at, confirmed_at, expires_at, address) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: Sessions :many
SELECT * FROM session WHERE person_id = $1 ORDER BY created_at DESC, hash;

-- name: PersonOfSession :one
SELECT sqlc.embed(session), sqlc.embed(person) FROM session JOIN person ON person.id = session.person_id WHERE session.hash = $1;

-- name: SeeSession :exec
UPDATE session SET seen_at = $2 WHERE hash = $1;

-- name: ConfirmSession :exec
UPDATE session SET confirmed_at = $2 WHERE hash = $1;

-- name: DeleteSession :exec
DELETE FROM session WHERE hash = $1;

-- name: DeleteSessions :exec
DELETE FROM session WHERE person_id = $1;

-- name: DeleteOldSessions :exec
DELETE FROM session WHERE expires_at < $1;

-- name: InsertToken :exec
INSERT INTO token (id, account_id, person_id, name, hash, scopes, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: PersonOfToken :one
SELECT sqlc.embed(token), sqlc.embed(person) FROM token JOIN person ON person.id = token.person_id WHERE token.hash = $1;

-- name: Tokens :many
SELECT * FROM token WHERE account_id = $1 AND person_id = $2 ORDER BY id;

-- name: Token :one
SELECT * FROM token WHERE account_id = $1 AND person_id = $2 AND id = $3;

-- name: UseToken :exec
UPDATE token SET used_at = $2 WHERE id = $1;

-- name: DeleteToken :exec
DELETE FROM token WHERE account_id = $1 AND person_id = $2 AND id = $3;

-- name: DeleteTokens :exec
DELETE FROM token WHERE person_id = $1;

-- name: BeginAnswer :execrows
INSERT INTO answered (account_id, actor, key, request, status, etag, body, at) VALUES ($1, $2, $3, $4, 0, '', '', $5)
ON CONFLICT DO NOTHING;

-- name: Answered :one
SELECT * FROM answered WHERE account_id = $1 AND actor = $2 AND key = $3;

-- name: FinishAnswer :exec
UPDATE answered SET status = $4, etag = $5, body = $6 WHERE account_id = $1 AND actor = $2 AND key = $3;

-- name: ForgetAnswer :exec
DELETE FROM answered WHERE account_id = $1 AND actor = $2 AND key = $3;

-- name: DeleteOldAnswers :exec
DELETE FROM answered WHERE at < $1;
