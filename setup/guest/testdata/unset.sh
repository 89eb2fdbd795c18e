#!/bin/sh
set -eu
umask 077
if command -v cloud-init >/dev/null; then
  cloud-init status --wait || echo "the first boot has failed; its output is in /var/log/cloud-init-output.log"
fi
releve-vsocket config unset ha azure
rm -f /etc/releve/azure-ca.pem
systemctl try-restart releve-vsocket.service
