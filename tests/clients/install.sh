#!/usr/bin/env bash
# Installs clients that others wrote, in the versions that the tests name: tests/clients/install.sh [aiosalesforce] [jsforce] [sf]
# [tap-salesforce].
# Without a name: all. Each lies beside its programs (node_modules, .venv) and is forgotten by git. Then: pytest -m clients
set -euo pipefail
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- aiosalesforce jsforce sf tap-salesforce
quiet=(--no-audit --no-fund --loglevel=error)

# jsforce and sf ask for Node 22; where the machine's is older, or there is none, npm brings one.
need_node() {
  command -v npm >/dev/null || { echo "npm is not installed; $1 cannot be" >&2; exit 1; }
  local major
  major="$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')"
  if [ "${major:-0}" -lt 22 ] && [ ! -x node/node_modules/node/bin/node ]; then
    (cd node && npm install "${quiet[@]}" --no-save --no-package-lock)
  fi
}

for client; do
  case "$client" in
    aiosalesforce | tap-salesforce)
      [ -x python/.venv/bin/pip ] || "${PYTHON:-python3}" -m venv python/.venv
      python/.venv/bin/pip install --quiet -r "python/$client.txt"
      touch "python/.venv/$client.installed"
      ;;
    jsforce)
      need_node jsforce
      (cd jsforce && npm ci "${quiet[@]}" --ignore-scripts)
      ;;
    sf)
      need_node sf
      (cd sf && npm install "${quiet[@]}" --ignore-scripts --no-save --no-package-lock)
      ;;
    *)
      echo "unknown client: $client" >&2
      exit 2
      ;;
  esac
done
