-- name: PersonOfIdentity :one
SELECT sqlc.embed(identity), sqlc.embed(person) FROM identity JOIN person ON person.id = identity.person_id
WHERE identity.issuer = $1 AND identity.subject = $2;

-- name: InsertIdentity :exec
INSERT INTO identity (issuer, subject, account_id, person_id, follows, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: Identities :many
SELECT * FROM identity WHERE account_id = $1 AND person_id = $2 ORDER BY issuer, subject;

-- name: DeleteIdentities :execrows
DELETE FROM identity WHERE account_id = $1 AND person_id = $2;

-- name: InsertPasskey :exec
INSERT INTO passkey (id, account_id, person_id, name, credential, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, 0);

-- name: PersonOfPasskey :one
SELECT sqlc.embed(passkey), sqlc.embed(person) FROM passkey JOIN person ON person.id = passkey.person_id WHERE passkey.id = $1;

-- name: Passkeys :many
SELECT * FROM passkey WHERE account_id = $1 AND person_id = $2 ORDER BY created_at, id;

-- name: UsePasskey :exec
UPDATE passkey SET credential = $2, used_at = $3 WHERE id = $1;

-- name: DeletePasskey :execrows
DELETE FROM passkey WHERE account_id = $1 AND person_id = $2 AND id = $3;

-- name: DeletePasskeys :exec
DELETE FROM passkey WHERE person_id = $1;

-- name: Spend :execrows
INSERT INTO spent (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: DeleteOldSpent :exec
DELETE FROM spent WHERE expires_at < $1;

-- name: NameOfPerson :one
SELECT name FROM person WHERE account_id = $1 AND id = $2;

-- name: NameOfToken :one
SELECT token.name AS token, person.name AS person FROM token JOIN person ON person.id = token.person_id
WHERE token.account_id = $1 AND token.id = $2;

-- name: NameOfSite :one
SELECT name FROM site WHERE account_id = $1 AND id = $2;

-- name: MakingOf :one
SELECT actor, after FROM audit WHERE account_id = $1 AND target = $2 AND action IN ('token.make', 'person.add', 'site.create') ORDER BY id LIMIT 1;
