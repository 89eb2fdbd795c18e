-- name: InsertAccount :exec
INSERT INTO account (id, name, created_at) VALUES ($1, $2, $3);

-- name: Account :one
SELECT * FROM account WHERE id = $1;

-- name: Accounts :many
SELECT * FROM account ORDER BY id;

-- name: InsertAudit :exec
INSERT INTO audit (id, account_id, at, actor, action, target, before, after, request)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: AuditPage :many
SELECT * FROM audit WHERE account_id = sqlc.arg(account_id) AND id < sqlc.arg(before_id) ORDER BY id DESC LIMIT sqlc.arg(most);
