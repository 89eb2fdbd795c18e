#!/bin/sh
set -eu
umask 077
if command -v cloud-init >/dev/null; then
  cloud-init status --wait || echo "the first boot has failed; its output is in /var/log/cloud-init-output.log"
fi
cat >/etc/releve/azure-ca.pem <<'END-OF-SETTINGS'
-----BEGIN CERTIFICATE-----
MA==
-----END CERTIFICATE-----
END-OF-SETTINGS
releve-vsocket config merge <<'END-OF-SETTINGS'
azure:
  subscription: 11111111-1111-1111-1111-111111111111
ha:
  key: "$HOME `id` 'q' \\"
END-OF-SETTINGS
releve-vsocket config apply
