-- name: PutInstallation :exec
INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: Installation :one
SELECT value FROM installation WHERE name = $1;
