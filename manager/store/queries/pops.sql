-- name: InsertPoP :exec
INSERT INTO pop (id, account_id, name, serial, generation, endpoint, primary_port, secondary_port, public_key, witness, created_at)
VALUES ($1, $2, $3, $4, 1, '', 0, 0, '', '', $5);

-- name: PoP :one
SELECT * FROM pop WHERE id = $1 AND account_id = $2;

-- name: PoPs :many
SELECT * FROM pop WHERE account_id = $1 ORDER BY id;

-- name: DeletePoP :execrows
DELETE FROM pop WHERE id = $1 AND account_id = $2;

-- name: SetPoPLocal :execrows
UPDATE pop SET endpoint = $1, primary_port = $2, secondary_port = $3, public_key = $4, witness = $5 WHERE id = $6 AND account_id = $7;

-- name: RaisePoPs :many
UPDATE pop SET generation = generation + 1 WHERE account_id = $1 RETURNING serial;

-- name: SitesOnPoP :many
SELECT name FROM site WHERE account_id = sqlc.arg(account_id) AND ' ' || pops || ' ' LIKE '% ' || CAST(sqlc.arg(pop_id) AS TEXT) || ' %' ORDER BY name LIMIT 10;

-- name: JoinSite :execrows
-- JoinSite makes a site's vSockets peers of the PoPs that it uses.
INSERT INTO pop_peer (pop_id, serial, account_id, site_id, since, known, until)
SELECT pop.id, vsocket.serial, pop.account_id, vsocket.site_id, pop.generation + 1, FALSE, 0
FROM pop JOIN site ON site.account_id = pop.account_id JOIN vsocket ON vsocket.site_id = site.id
WHERE pop.account_id = sqlc.arg(account_id) AND site.id = sqlc.arg(site_id)
    AND pop.public_key <> '' AND vsocket.state = 'registered' AND vsocket.tunnel_key <> ''
    AND (site.pops = '' OR ' ' || site.pops || ' ' LIKE '% ' || pop.id || ' %')
ON CONFLICT (pop_id, serial) DO UPDATE SET until = 0;

-- name: JoinPoP :execrows
-- JoinPoP makes the vSockets of all sites that use a PoP its peers.
INSERT INTO pop_peer (pop_id, serial, account_id, site_id, since, known, until)
SELECT pop.id, vsocket.serial, pop.account_id, vsocket.site_id, pop.generation + 1, FALSE, 0
FROM pop JOIN site ON site.account_id = pop.account_id JOIN vsocket ON vsocket.site_id = site.id
WHERE pop.account_id = sqlc.arg(account_id) AND pop.id = sqlc.arg(pop_id)
    AND pop.public_key <> '' AND vsocket.state = 'registered' AND vsocket.tunnel_key <> ''
    AND (site.pops = '' OR ' ' || site.pops || ' ' LIKE '% ' || pop.id || ' %')
ON CONFLICT (pop_id, serial) DO UPDATE SET until = 0;

-- name: LeavePoPs :execrows
-- LeavePoPs marks the peers whose site doesn't use the PoP any more.
UPDATE pop_peer SET until = sqlc.arg(generation)
WHERE pop_peer.account_id = sqlc.arg(account_id) AND pop_peer.site_id = sqlc.arg(site_id) AND until = 0 AND known
    AND EXISTS (SELECT 1 FROM site WHERE site.id = pop_peer.site_id AND site.pops <> '' AND ' ' || site.pops || ' ' NOT LIKE '% ' || pop_peer.pop_id || ' %');

-- name: ForgetPeers :execrows
-- ForgetPeers takes away those that never were given their PoP, and the void.
DELETE FROM pop_peer
WHERE pop_peer.account_id = sqlc.arg(account_id) AND pop_peer.site_id = sqlc.arg(site_id) AND (
    NOT known AND EXISTS (SELECT 1 FROM site WHERE site.id = pop_peer.site_id AND site.pops <> '' AND ' ' || site.pops || ' ' NOT LIKE '% ' || pop_peer.pop_id || ' %')
    OR EXISTS (SELECT 1 FROM vsocket WHERE vsocket.serial = pop_peer.serial AND vsocket.state = 'void'));

-- name: PeersGone :many
-- PeersGone takes away those of a vSocket that runs without them now.
DELETE FROM pop_peer WHERE account_id = sqlc.arg(account_id) AND serial = sqlc.arg(serial) AND until > 0 AND until <= sqlc.arg(applied) RETURNING pop_id;

-- name: RaiseSitesToKnow :execrows
-- RaiseSitesToKnow raises the sites of those that KnowPeers is about to mark.
UPDATE site SET generation = generation + 1, changed_at = sqlc.arg(changed_at)
WHERE site.account_id = sqlc.arg(account_id) AND site.id IN (
    SELECT pop_peer.site_id FROM pop_peer WHERE pop_peer.pop_id = sqlc.arg(pop_id) AND NOT pop_peer.known AND pop_peer.since <= sqlc.arg(applied));

-- name: KnowPeers :many
UPDATE pop_peer SET known = TRUE WHERE account_id = sqlc.arg(account_id) AND pop_id = sqlc.arg(pop_id) AND NOT known AND since <= sqlc.arg(applied) RETURNING serial;

-- name: RaiseSitesOnPoP :execrows
UPDATE site SET generation = generation + 1, changed_at = sqlc.arg(changed_at)
WHERE site.account_id = sqlc.arg(account_id) AND site.id IN (
    SELECT pop_peer.site_id FROM pop_peer WHERE pop_peer.pop_id = sqlc.arg(pop_id) AND pop_peer.known AND pop_peer.until = 0);

-- name: SerialsOnPoP :many
SELECT serial FROM pop_peer WHERE account_id = $1 AND pop_id = $2 AND known AND until = 0 ORDER BY serial;

-- name: PoPsOfVSocket :many
-- PoPsOfVSocket are those that know it, and that it is given.
SELECT pop.* FROM pop JOIN pop_peer ON pop_peer.pop_id = pop.id
WHERE pop.account_id = $1 AND pop_peer.serial = $2 AND pop_peer.known AND pop_peer.until = 0 ORDER BY pop.id;

-- name: PeersOfPoP :many
SELECT site.number, site.name, network.prefix, vsocket.side, vsocket.tunnel_key, vsocket.witness_key
FROM pop_peer JOIN site ON site.id = pop_peer.site_id
    JOIN network ON network.site_id = site.id AND network.name = ''
    JOIN vsocket ON vsocket.serial = pop_peer.serial
WHERE pop_peer.account_id = $1 AND pop_peer.pop_id = $2 AND vsocket.state <> 'void'
ORDER BY site.number, vsocket.side;

-- name: RevokedKeys :many
-- RevokedKeys are those of void serial numbers, which nobody else has.
SELECT DISTINCT vsocket.tunnel_key FROM vsocket WHERE vsocket.account_id = sqlc.arg(account_id) AND vsocket.state = 'void' AND vsocket.tunnel_key <> ''
    AND NOT EXISTS (SELECT 1 FROM vsocket AS other WHERE other.account_id = vsocket.account_id AND other.tunnel_key = vsocket.tunnel_key AND other.state <> 'void')
ORDER BY vsocket.tunnel_key;
