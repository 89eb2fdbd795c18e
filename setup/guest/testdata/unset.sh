#!/bin/sh
set -eu
umask 077
releve-vsocket config unset ha azure
systemctl try-restart releve-vsocket.service
