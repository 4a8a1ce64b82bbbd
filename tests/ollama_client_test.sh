#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official ollama npm client against a node; skipped where npm is absent.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 0; }
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
start_node

mkdir -p "$WORK/clients"
cp "$ROOT/tests/ollama_client.mjs" "$WORK/clients/"
(cd "$WORK/clients" && echo '{"private":true,"type":"module"}' >package.json &&
  npm i --silent --no-audit --no-fund ollama@^0.6 >/dev/null)
export OLLAMA_HOST=$ADDRESS MODEL
(cd "$WORK/clients" && node ollama_client.mjs)
